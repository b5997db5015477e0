//! Validation of the sizes of groups (UD-12).

use super::super::{
    size::resolve,
    spec::{Subset, UnitedDeploymentSpec},
};
use crate::{
    int_or_string::IntOrString,
    validation::{FieldError, FieldErrors, FieldPath},
};

/// What a maximum that is not given counts as.
const NO_MAXIMUM: i64 = 1_000_000;

/// What is wrong with the sizes of groups. Sums are judged only when every size can be read.
pub(super) fn errors(spec: &UnitedDeploymentSpec) -> FieldErrors {
    let path = FieldPath::new("spec.topology.subsets");
    let subsets = spec.subsets();
    let mut errors = FieldErrors::new();
    let sizes: Vec<Sizes> = subsets
        .iter()
        .enumerate()
        .map(|(index, subset)| Sizes::of(subset, spec.replicas, &path.index(index), &mut errors))
        .collect();
    let has_sizes = subsets.iter().any(|it| it.replicas.is_some());
    let has_bounds = subsets
        .iter()
        .any(|it| it.min_replicas.is_some() || it.max_replicas.is_some());
    if has_sizes && has_bounds {
        let why = "can't have replicas in one place and minReplicas or maxReplicas in another";
        errors.push(FieldError::invalid_unshown(&path, why));
        return errors;
    }
    // That the number of all pods is wrong is told elsewhere.
    if !errors.is_empty() || spec.replicas.is_some_and(|total| total < 0) {
        return errors;
    }
    let wrong = if has_bounds {
        bounds(spec, &sizes)
    } else {
        exact(spec, &sizes)
    };
    errors.extend(wrong.map(|why| FieldError::invalid_unshown(&path, why)));
    errors
}

/// The numbers that the sizes of a group stand for.
struct Sizes {
    replicas: Option<i64>,
    min: i64,
    max: i64,
}

impl Sizes {
    fn of(subset: &Subset, total: Option<i32>, path: &FieldPath, errors: &mut FieldErrors) -> Self {
        let mut number = |field: &str, size: &Option<IntOrString>| {
            let size = size.as_ref()?;
            let resolved = resolve(size, total)
                .map(i64::from)
                .map_err(|error| FieldError::invalid(&path.child(field), size, error.to_string()));
            errors.take(resolved)
        };
        let replicas = number("replicas", &subset.replicas);
        let min = number("minReplicas", &subset.min_replicas).unwrap_or(0);
        let max = number("maxReplicas", &subset.max_replicas).unwrap_or(NO_MAXIMUM);
        if min > max {
            let path = path.child("minReplicas");
            let why = "must not be more than maxReplicas";
            errors.push(FieldError::invalid(&path, min, why));
        }
        Self { replicas, min, max }
    }
}

fn bounds(spec: &UnitedDeploymentSpec, sizes: &[Sizes]) -> Option<&'static str> {
    let sum = |number: fn(&Sizes) -> i64| sizes.iter().map(number).sum::<i64>();
    if spec.replicas.is_none() {
        Some("can have minReplicas and maxReplicas only where spec.replicas is given")
    } else if spec.subsets().iter().all(|it| it.max_replicas.is_some()) {
        Some("must have at least one without maxReplicas")
    } else if sum(|it| it.min) > sum(|it| it.max) {
        Some("must not have more minReplicas than maxReplicas in all")
    } else {
        None
    }
}

fn exact(spec: &UnitedDeploymentSpec, sizes: &[Sizes]) -> Option<&'static str> {
    let sum: i64 = sizes.iter().filter_map(|it| it.replicas).sum();
    let is_given_everywhere = sizes.iter().all(|it| it.replicas.is_some());
    match spec.replicas.map(i64::from) {
        Some(total) if sum > total => Some("must not have more replicas in all than spec.replicas"),
        Some(total) if is_given_everywhere && !sizes.is_empty() && sum != total => {
            Some("must have as many replicas in all as spec.replicas, since each has them given")
        }
        None if !is_given_everywhere => {
            Some("must have replicas everywhere where spec.replicas is not given")
        }
        _ => None,
    }
}

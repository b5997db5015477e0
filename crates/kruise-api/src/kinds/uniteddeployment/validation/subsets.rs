//! Validation of the groups of nodes, apart from their sizes (UD-11).

use std::collections::HashSet;

use super::super::spec::{Subset, UnitedDeploymentScheduleStrategyType, UnitedDeploymentSpec};
use crate::validation::{FieldError, FieldErrors, FieldPath, dns_label, node_affinity};

/// What is wrong with the groups of nodes.
pub(super) fn errors(spec: &UnitedDeploymentSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(topology) = &spec.topology else {
        return errors;
    };
    let path = FieldPath::new("spec.topology");
    let type_ = topology.schedule_strategy.as_ref().map(|it| &it.type_);
    if let Some(UnitedDeploymentScheduleStrategyType::Other(word)) = type_
        && !word.is_empty()
    {
        let path = path.child("scheduleStrategy").child("type");
        errors.push(FieldError::not_supported(
            &path,
            word,
            &["Adaptive", "Fixed"],
        ));
    }
    let path = path.child("subsets");
    let mut earlier = HashSet::new();
    for (index, subset) in topology.subsets.iter().enumerate() {
        let path = path.index(index);
        errors.extend(name(subset, &path.child("name"), &mut earlier));
        if let Some(term) = &subset.node_selector_term {
            errors.extend(node_affinity::term(term, &path.child("nodeSelectorTerm")));
        }
        errors.extend(node_affinity::tolerations(
            &subset.tolerations,
            &path.child("tolerations"),
        ));
        if subset.replicas.is_some() && spec.is_adaptive() {
            let path = path.child("replicas");
            let why = "can't be given when the type of scheduleStrategy is Adaptive";
            errors.push(FieldError::forbidden(&path, why));
        }
    }
    errors
}

fn name<'a>(
    subset: &'a Subset,
    path: &FieldPath,
    earlier: &mut HashSet<&'a str>,
) -> Option<FieldError> {
    let name = subset.name.as_str();
    if name.is_empty() {
        return Some(FieldError::required(path, "must not be empty"));
    }
    if !earlier.insert(name) {
        return Some(FieldError::duplicate(path, name));
    }
    dns_label(name).map(|why| FieldError::invalid(path, name, why))
}

//! Resources in proportion to those of a pod's containers (SS-170 to SS-175).

use serde_json::Value;

use super::super::{
    expression::{Amount, Expression, ExpressionError},
    spec::{ResourceExpr, ResourcesPolicy, SidecarContainer},
};
use crate::{
    go_regex::GoRegex,
    validation::{FieldError, FieldErrors, FieldPath},
};

const NOT_NATIVE: &str = "init containers can have it only with restartPolicy Always";
const BOTH: &str = "can't be given together with resources";
const NO_NAMES: &str = "must not be empty";
const NEITHER: &str = "must have limits or requests";

/// SS-170
pub(super) fn of_init_container(container: &SidecarContainer, path: &FieldPath) -> FieldErrors {
    if container.resources_policy.is_some() && !container.is_native_sidecar() {
        let path = path.child("resourcesPolicy");
        return FieldErrors::from_iter([FieldError::forbidden(&path, NOT_NATIVE)]);
    }
    of_container(container, path)
}

pub(super) fn of_container(container: &SidecarContainer, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(policy) = &container.resources_policy else {
        return errors;
    };
    let path = path.child("resourcesPolicy");
    // SS-171
    if has_resources(container) {
        errors.push(FieldError::forbidden(&path, BOTH));
        return errors;
    }
    let ResourcesPolicy {
        target_containers_mode: _,
        target_containers_name_regex,
        resources_expr,
        unknown: _,
    } = policy;
    // SS-172
    let at = path.child("targetContainersNameRegex");
    let pattern = target_containers_name_regex.as_deref().unwrap_or_default();
    if pattern.is_empty() {
        errors.push(FieldError::required(&at, NO_NAMES));
    } else if let Err(error) = GoRegex::parse(pattern) {
        errors.push(FieldError::invalid(&at, pattern, error.to_string()));
    }
    // SS-173
    let path = path.child("resourcesExpr");
    if resources_expr.limits.is_none() && resources_expr.requests.is_none() {
        errors.push(FieldError::required(&path, NEITHER));
    }
    for (field, resources) in [
        ("limits", &resources_expr.limits),
        ("requests", &resources_expr.requests),
    ] {
        if let Some(resources) = resources {
            errors.extend(expressions(resources, &path.child(field)));
        }
    }
    errors
}

/// SS-174
fn expressions(resources: &ResourceExpr, path: &FieldPath) -> FieldErrors {
    let ResourceExpr {
        cpu,
        memory,
        unknown: _,
    } = resources;
    let mut errors = FieldErrors::new();
    for (name, text) in [("cpu", cpu), ("memory", memory)] {
        if text.is_empty() {
            continue;
        }
        let one = Amount::Number(1.0);
        let amount = Expression::parse(text).and_then(|expression| expression.evaluate(name, one));
        match amount {
            // That a value is too large is found when a pod is created (SS-162).
            Ok(_) | Err(ExpressionError::TooLarge) => {}
            Err(error) => errors.push(FieldError::invalid(
                &path.child(name),
                text.as_str(),
                error.to_string(),
            )),
        }
    }
    errors
}

fn has_resources(container: &SidecarContainer) -> bool {
    let resources = container.unknown.get("resources");
    ["limits", "requests"].iter().any(|field| {
        let amounts = resources.and_then(|resources| resources.get(*field));
        amounts
            .and_then(Value::as_object)
            .is_some_and(|amounts| !amounts.is_empty())
    })
}

//! References to workloads, as kinds that are about one workload take them.

use super::{FieldError, FieldPath};
use crate::spec_parts::TargetReference;

/// For [`crate::definition::rules::COMPLETE_TARGET`], too.
pub(crate) const INCOMPLETE: &str = "must have apiVersion, kind and name";

/// What is wrong with a reference, whatever it names.
pub(crate) fn incomplete(target: &TargetReference, path: &FieldPath) -> Option<FieldError> {
    let TargetReference {
        api_version,
        kind,
        name,
        unknown: _,
    } = target;
    let is_complete = ![api_version, kind, name].iter().any(|text| text.is_empty());
    (!is_complete).then(|| invalid(target, path, INCOMPLETE))
}

/// The reference is wrong.
pub(crate) fn invalid(
    target: &TargetReference,
    path: &FieldPath,
    why: impl Into<String>,
) -> FieldError {
    let value = serde_json::to_value(target).unwrap_or_default();
    FieldError::invalid(path, value, why)
}

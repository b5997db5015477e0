//! Validation of the pod template, as far as it isn't left to the API server (CS-11, CS-16, DV-CS10).

use serde_json::Value;

use crate::{
    defaults, inplace,
    validation::{FieldError, FieldErrors, FieldPath},
};

/// What a CloneSet's template may not say, though other pod templates may.
pub(super) fn errors(template: &Value) -> FieldErrors {
    let spec = FieldPath::new("spec.template.spec");
    let given = |field: &str| {
        let value = template.get("spec")?.get(field)?;
        (!value.is_null()).then_some(value)
    };
    let mut errors = FieldErrors::new();
    if let Some(policy) = given("restartPolicy")
        && !matches!(policy.as_str(), Some("" | "Always"))
    {
        let policy = policy
            .as_str()
            .map_or_else(|| policy.to_string(), str::to_owned);
        let path = spec.child("restartPolicy");
        errors.push(FieldError::not_supported(&path, &policy, &["Always"]));
    }
    if given("activeDeadlineSeconds").is_some() {
        let path = spec.child("activeDeadlineSeconds");
        let detail = "pods of a CloneSet run until they are deleted";
        errors.push(FieldError::forbidden(&path, detail));
    }
    errors
}

/// Whether the pods of two templates differ in nothing but images of ordinary containers. Both templates
/// are compared with their defaults, since the old one may have been stored while no webhook was installed.
pub(super) fn only_images_differ(old: &Value, new: &Value) -> bool {
    let defaulted = |template: &Value| {
        let mut template = template.clone();
        defaults::pod_template(&mut template);
        template
    };
    inplace::only_images_differ(&defaulted(old), &defaulted(new))
}

//! Pods with the patch of a subset (WS-2).

use serde_json::Value;

use crate::{
    defaults,
    spec_parts::TargetReference,
    strategic_merge::{self, Schema},
    template::PodTemplate,
    validation::{FieldError, FieldPath},
};

/// Group and kind of the object whose pod template patches are tried on; it has the target's name. None: they are not
/// tried. For a StatefulSet of OpenKruise that is one of Kubernetes, which is seldom there; so its patches are seldom
/// tried.
#[must_use]
pub fn template_kind(target: &TargetReference) -> Option<(&'static str, &'static str)> {
    match (target.group(), target.kind.as_str()) {
        ("apps.kruise.io", "CloneSet") => Some(("apps.kruise.io", "CloneSet")),
        ("apps", "Deployment") => Some(("apps", "Deployment")),
        ("apps", "ReplicaSet") => Some(("apps", "ReplicaSet")),
        ("apps" | "apps.kruise.io", "StatefulSet") => Some(("apps", "StatefulSet")),
        ("batch", "Job") => Some(("batch", "Job")),
        _ => None,
    }
}

/// The template with the patch of the subset at this index, and with its defaults: what the API server is asked about.
/// The template has a volume for each claim template.
///
/// # Errors
/// When they can't be merged, or don't make a pod template.
pub fn patched_template(
    index: usize,
    patch: &Value,
    template: &Value,
) -> Result<Value, FieldError> {
    let path = FieldPath::new("spec.subsets").index(index).child("patch");
    let wrong = |why: String| FieldError::invalid(&path, patch.clone(), why);
    // A pod has metadata and a spec, as a template does.
    let mut patched = strategic_merge::apply(Schema::Pod, template, patch)
        .map_err(|error| wrong(error.to_string()))?;
    PodTemplate::view(&patched).map_err(|error| wrong(error.to_string()))?;
    defaults::pod_template(&mut patched);
    Ok(patched)
}

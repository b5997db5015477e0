//! What workloads have alike: a number of pods, a selector, and a template whose labels the selector matches.
//!
//! Some of this must hold before any pod is touched. Planners ask for it as well, since the API server takes any object
//! while no webhook is installed.

use serde_json::Value;

use super::{FieldError, FieldErrors, FieldPath, annotations, label_selector, labels};
use crate::{
    meta::{LabelSelector, ObjectMeta, StringMap},
    selector::Selector,
    template::PodTemplate,
    text_map::TextMap,
};

/// Words that the rules in CRDs have as well.
pub(crate) const REPLICAS: &str = "must be greater than or equal to 0";
pub(crate) const EMPTY_SELECTOR: &str =
    "must have at least one entry: an empty selector would select every pod";
pub(crate) const SELECTOR_CHANGED: &str = "can't be changed";
/// Words about a change of the template where pods are updated in place only.
pub(crate) const ONLY_IMAGES: &str =
    "with InPlaceOnly only images of containers can be changed in the template";

/// The selector, which must be readable and not empty.
///
/// # Errors
/// When the selector can't be read or is empty.
pub fn selector(selector: &LabelSelector) -> Result<Selector, FieldError> {
    let path = FieldPath::new("spec.selector");
    let invalid = |why: String| {
        let value = serde_json::to_value(selector).unwrap_or_default();
        FieldError::invalid(&path, value, why)
    };
    let parsed = Selector::parse(selector).map_err(|error| invalid(error.to_string()))?;
    if parsed.is_empty() {
        return Err(invalid(EMPTY_SELECTOR.to_owned()));
    }
    Ok(parsed)
}

/// The selector if nothing is wrong with it, otherwise what is. A selector that can't be read is told once.
pub(crate) fn checked_selector(
    to_check: &LabelSelector,
    errors: &mut FieldErrors,
) -> Option<Selector> {
    let syntax = label_selector(to_check, &FieldPath::new("spec.selector"));
    let parsed = match selector(to_check) {
        _ if !syntax.is_empty() => None,
        parsed => errors.take(parsed),
    };
    errors.extend(syntax);
    parsed
}

/// The template, as far as it is read.
///
/// # Errors
/// When a part of the template has another shape than in a pod template.
pub fn template(template: &Value) -> Result<PodTemplate, FieldError> {
    PodTemplate::checked_view(template)
}

/// Checks that the selector matches the template's labels (DV-CS9).
///
/// # Errors
/// When the selector doesn't match them.
pub fn labels_match(selector: &Selector, labels: &TextMap) -> Result<(), FieldError> {
    labels_match_at(
        &FieldPath::new("spec.template.metadata.labels"),
        selector,
        labels,
    )
}

/// Checks that the selector matches the labels at this path.
pub(crate) fn labels_match_at(
    path: &FieldPath,
    selector: &Selector,
    labels: &TextMap,
) -> Result<(), FieldError> {
    if selector.matches(labels) {
        return Ok(());
    }
    let text = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",");
    let detail = format!("the labels \"{text}\" do not match spec.selector \"{selector}\"");
    let value = serde_json::to_value(labels).unwrap_or_default();
    Err(FieldError::invalid(path, value, detail))
}

/// What is wrong with the labels and annotations that pods are to get. Kubernetes tells it without `metadata` in the path.
pub(crate) fn template_metadata(metadata: &ObjectMeta, path: &FieldPath) -> FieldErrors {
    let mut errors = labels(&StringMap::from(&metadata.labels), &path.child("labels"));
    errors.extend(annotations(
        &StringMap::from(&metadata.annotations),
        &path.child("annotations"),
    ));
    errors
}

/// Checks that the number of pods isn't negative.
///
/// # Errors
/// When the number is negative.
pub fn replicas(replicas: Option<i32>) -> Result<(), FieldError> {
    match replicas {
        Some(replicas) if replicas < 0 => {
            let path = FieldPath::new("spec.replicas");
            Err(FieldError::invalid(&path, replicas, REPLICAS))
        }
        _ => Ok(()),
    }
}

/// What a template may not say whose pods run until they are deleted, though other pod templates may. `path` is that of
/// the template's own spec. An absent restartPolicy means `Always`.
pub(crate) fn endless_pods(template: &Value, path: &FieldPath) -> FieldErrors {
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
        let path = path.child("restartPolicy");
        errors.push(FieldError::not_supported(&path, &policy, &["Always"]));
    }
    if given("activeDeadlineSeconds").is_some() {
        let path = path.child("activeDeadlineSeconds");
        let detail = "the pods run until they are deleted";
        errors.push(FieldError::forbidden(&path, detail));
    }
    errors
}

/// Whether two selectors are the same. Absent and empty parts count as equal.
#[must_use]
pub(crate) fn same_selector(a: &LabelSelector, b: &LabelSelector) -> bool {
    let labels = |selector: &LabelSelector| selector.match_labels.clone().unwrap_or_default();
    let expressions =
        |selector: &LabelSelector| selector.match_expressions.clone().unwrap_or_default();
    labels(a) == labels(b) && expressions(a) == expressions(b)
}

/// The error about a change of the selector.
pub(crate) fn selector_changed() -> FieldError {
    let detail = format!("spec.selector {SELECTOR_CHANGED}");
    FieldError::forbidden(&FieldPath::new("spec"), detail)
}

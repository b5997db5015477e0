//! What must hold before any pod is touched. The planner asks for it as well, since the API server takes
//! any object while no webhook is installed.

use crate::{
    kinds::cloneset::texts,
    meta::LabelSelector,
    selector::Selector,
    template::PodTemplate,
    text_map::TextMap,
    validation::{FieldError, FieldPath},
};
use serde_json::Value;

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
        return Err(invalid(texts::EMPTY_SELECTOR.to_owned()));
    }
    Ok(parsed)
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
    if selector.matches(labels) {
        return Ok(());
    }
    let path = FieldPath::new("spec.template.metadata.labels");
    let text = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",");
    let detail = format!("the labels \"{text}\" do not match spec.selector \"{selector}\"");
    let value = serde_json::to_value(labels).unwrap_or_default();
    Err(FieldError::invalid(&path, value, detail))
}

/// Checks that the number of pods isn't negative.
///
/// # Errors
/// When the number is negative.
pub fn replicas(replicas: Option<i32>) -> Result<(), FieldError> {
    match replicas {
        Some(replicas) if replicas < 0 => {
            let path = FieldPath::new("spec.replicas");
            Err(FieldError::invalid(&path, replicas, texts::REPLICAS))
        }
        _ => Ok(()),
    }
}

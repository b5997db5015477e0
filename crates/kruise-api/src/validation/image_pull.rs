//! Jobs that pull images: one set of rules for ImagePullJob, ImageListPullJob and the template of the latter in an
//! AdvancedCronJob (IJ-5 to IJ-7, AC-16).

use std::collections::BTreeSet;

use super::{FieldError, FieldErrors, FieldPath, label_selector};
use crate::{
    image_name::ImageName,
    int_or_string::IntOrString,
    meta::LabelSelector,
    spec_parts::{CompletionPolicyType, ImagePullCompletionPolicy, ImagePullJobNodeSelector},
};

/// Words that the rules in CRDs have as well.
pub(crate) const BOTH_SELECTORS: &str = "can't be given together with selector";
pub(crate) const NAMES_AND_LABELS: &str =
    "can't be given together with matchLabels or matchExpressions";
pub(crate) const PARALLELISM: &str = "must be an integer that is not negative, not a percentage";
pub(crate) const NEVER: &str = "can't be given when type is Never: the job does not end";
pub(crate) const COMPLETION_TYPES: [&str; 2] = ["Always", "Never"];
pub(crate) const NO_IMAGE: &str = "must name an image";
pub(crate) const NO_IMAGES: &str = "must name at least one image";
pub(crate) const MAX_IMAGES: usize = 255;

/// What is wrong with the choice of nodes in the spec at this path.
pub(crate) fn nodes(
    selector: Option<&ImagePullJobNodeSelector>,
    pod_selector: Option<&LabelSelector>,
    spec: &FieldPath,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if let Some(selector) = selector {
        errors.extend(node_selector(selector, &spec.child("selector")));
    }
    let path = spec.child("podSelector");
    if selector.is_some() && pod_selector.is_some() {
        errors.push(FieldError::forbidden(&path, BOTH_SELECTORS));
    }
    if let Some(pod_selector) = pod_selector {
        errors.extend(label_selector(pod_selector, &path));
    }
    errors
}

fn node_selector(selector: &ImagePullJobNodeSelector, path: &FieldPath) -> FieldErrors {
    let labels = selector.labels();
    let selects_by_labels = labels.match_labels.iter().flatten().next().is_some()
        || labels.match_expressions.iter().flatten().next().is_some();
    let at = path.child("names");
    let mut errors = FieldErrors::new();
    if selector.names.is_some() && selects_by_labels {
        errors.push(FieldError::forbidden(&at, NAMES_AND_LABELS));
    }
    errors.extend(label_selector(&labels, path));
    errors.extend(duplicates(
        selector.names.as_deref().unwrap_or_default(),
        &at,
    ));
    errors
}

/// What is wrong with an image.
pub(crate) fn image(image: &str, path: &FieldPath) -> Option<FieldError> {
    if image.is_empty() {
        return Some(FieldError::required(path, NO_IMAGE));
    }
    let error = ImageName::parse(image).err()?;
    Some(FieldError::invalid(path, image, error.to_string()))
}

/// What is wrong with a list of images. They are compared as texts.
pub(crate) fn images(images: &[String], path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if images.is_empty() {
        errors.push(FieldError::required(path, NO_IMAGES));
    }
    if images.len() > MAX_IMAGES {
        errors.push(FieldError::too_many(path, images.len(), MAX_IMAGES));
    }
    errors.extend(duplicates(images, path));
    for (index, name) in images.iter().enumerate() {
        errors.extend(image(name, &path.index(index)));
    }
    errors
}

/// What is wrong with the number of nodes that are served at a time.
pub(crate) fn parallelism(parallelism: &IntOrString, path: &FieldPath) -> Option<FieldError> {
    let number = match parallelism {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(text) => text.parse().ok(),
    };
    let is_right = number.is_some_and(|number: i32| number >= 0);
    let value = serde_json::to_value(parallelism).unwrap_or_default();
    (!is_right).then(|| FieldError::invalid(path, value, PARALLELISM))
}

/// What is wrong with the end of a job, after defaults.
pub(crate) fn completion(policy: &ImagePullCompletionPolicy, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    match &policy.type_ {
        Some(CompletionPolicyType::Always) => {}
        Some(CompletionPolicyType::Never) => {
            if policy.active_deadline_seconds.is_some() {
                let path = path.child("activeDeadlineSeconds");
                errors.push(FieldError::forbidden(&path, NEVER));
            }
            if policy.ttl_seconds_after_finished.is_some() {
                let path = path.child("ttlSecondsAfterFinished");
                errors.push(FieldError::forbidden(&path, NEVER));
            }
        }
        other => {
            let word = other.as_ref().map(CompletionPolicyType::as_str);
            errors.push(FieldError::not_supported(
                &path.child("type"),
                word.unwrap_or_default(),
                &COMPLETION_TYPES,
            ));
        }
    }
    errors
}

fn duplicates(texts: &[String], path: &FieldPath) -> FieldErrors {
    let mut seen = BTreeSet::new();
    let all = texts.iter().enumerate();
    let again = all.filter(|(_, text)| !seen.insert(*text));
    again
        .map(|(index, text)| FieldError::duplicate(&path.index(index), text.as_str()))
        .collect()
}

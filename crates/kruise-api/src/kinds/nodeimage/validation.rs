//! What admission refuses in a NodeImage, the same in both versions (NI-2). An update is judged as a new object is. That
//! the gate is off is for the deployable to answer.

use std::collections::BTreeSet;

use super::{spec::ImageTagSpec, v1alpha1, v1beta1};
use crate::validation::{FieldError, FieldErrors, FieldPath};

/// Code of the answer to what is refused here (NI-2, PF-211).
pub const ANSWER_CODE: u16 = 400;

const MAX_IMAGES: usize = 256;

/// What is wrong with a spec of v1alpha1.
pub fn validate_v1alpha1(spec: &v1alpha1::NodeImageSpec) -> FieldErrors {
    let images = spec.images.iter();
    judge(images.map(|(name, image)| (name.as_str(), image.tags.as_slice())))
}

/// What is wrong with a spec of v1beta1.
pub fn validate_v1beta1(spec: &v1beta1::NodeImageSpec) -> FieldErrors {
    let images = spec.images.iter();
    judge(images.map(|(name, image)| (name.as_str(), image.tags.as_slice())))
}

fn judge<'a>(images: impl ExactSizeIterator<Item = (&'a str, &'a [ImageTagSpec])>) -> FieldErrors {
    let path = FieldPath::new("spec.images");
    let mut errors = FieldErrors::new();
    if images.len() > MAX_IMAGES {
        errors.push(FieldError::too_many(&path, images.len(), MAX_IMAGES));
    }
    for (name, of_image) in images {
        if name.is_empty() {
            errors.push(FieldError::required(&path, "an image must have a name"));
        }
        errors.extend(tags(of_image, &path.child(name).child("tags")));
    }
    errors
}

fn tags(tags: &[ImageTagSpec], path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut seen = BTreeSet::new();
    for (index, tag) in tags.iter().enumerate() {
        let path = path.index(index);
        if tag.tag.is_empty() {
            errors.push(FieldError::required(
                &path.child("tag"),
                "must not be empty",
            ));
        } else if !seen.insert(&tag.tag) {
            errors.push(FieldError::duplicate(&path.child("tag"), tag.tag.as_str()));
        }
        errors.extend(task(tag, &path));
    }
    errors
}

fn task(tag: &ImageTagSpec, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if tag.created_at.is_none() {
        let path = path.child("createdAt");
        errors.push(FieldError::required(&path, "the task needs a beginning"));
    }
    if tag.version < 0 {
        let path = path.child("version");
        errors.push(FieldError::invalid(
            &path,
            tag.version,
            "must not be negative",
        ));
    }
    let path = path.child("pullPolicy");
    match &tag.pull_policy {
        None => errors.push(FieldError::required(&path, "the task needs limits")),
        Some(policy) if policy.ttl_seconds_after_finished.is_none() => {
            let path = path.child("ttlSecondsAfterFinished");
            errors.push(FieldError::required(&path, "the task must go some time"));
        }
        Some(_) => {}
    }
    errors
}

//! Defaults of a NodeImage, the same in both versions (NI-1). Tags come into the order of their texts.

use super::{spec::ImageTagSpec, status::NodeImageStatus, v1alpha1, v1beta1};
use crate::{
    kinds::imagepulljob::defaults::{BACKOFF_LIMIT, TIMEOUT_SECONDS},
    meta::Time,
};

/// Fills in what a spec of v1alpha1 leaves open.
pub fn fill_v1alpha1(spec: &mut v1alpha1::NodeImageSpec, now: Time) {
    for image in spec.images.values_mut() {
        tags(&mut image.tags, now);
    }
}

/// Fills in what a spec of v1beta1 leaves open.
pub fn fill_v1beta1(spec: &mut v1beta1::NodeImageSpec, now: Time) {
    for image in spec.images.values_mut() {
        tags(&mut image.tags, now);
    }
}

/// Orders the tags in a status.
pub fn sort_status(status: &mut NodeImageStatus) {
    for image in status.image_statuses.values_mut() {
        image.tags.sort_by(|a, b| a.tag.cmp(&b.tag));
    }
}

fn tags(tags: &mut [ImageTagSpec], now: Time) {
    for tag in &mut *tags {
        tag.created_at.get_or_insert(now);
        let policy = tag.pull_policy.get_or_insert_default();
        policy.timeout_seconds.get_or_insert(TIMEOUT_SECONDS);
        policy.backoff_limit.get_or_insert(BACKOFF_LIMIT);
    }
    tags.sort_by(|a, b| a.tag.cmp(&b.tag));
}

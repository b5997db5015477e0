//! Defaults of an ImagePullJob's own fields, the same in both versions (IJ-1). Those that all kinds of jobs that pull
//! images have are here as well (IJ-2, AC-7).

use super::spec::ImagePullJobSpec;
use crate::{
    meta::ObjectMeta,
    spec_parts::{CompletionPolicyType, ImagePullCompletionPolicy, ImagePullPolicy, PullPolicy},
    well_known::finalizers::IMAGE_PULL_JOB,
};

/// Default number of nodes that pull an image at a time. It is not written into the spec.
pub const PARALLELISM: i32 = 1;
/// Default number of seconds for one attempt.
pub const TIMEOUT_SECONDS: i32 = 600;
/// Default number of repetitions of a failed attempt.
pub const BACKOFF_LIMIT: i32 = 3;

/// Fills in what a spec leaves open.
pub fn fill(spec: &mut ImagePullJobSpec) {
    completion(&mut spec.completion_policy);
    pull_policy(&mut spec.pull_policy);
    image_pull_policy(&mut spec.image_pull_policy);
}

/// Adds the finalizer, as admission does when a job is created through v1alpha1. To other jobs the controller adds it
/// (IJ-14).
pub fn add_finalizer(metadata: &mut ObjectMeta) {
    if !metadata.finalizers.iter().any(|it| it == IMAGE_PULL_JOB) {
        metadata.finalizers.push(IMAGE_PULL_JOB.to_owned());
    }
}

pub(crate) fn completion(policy: &mut ImagePullCompletionPolicy) {
    let type_ = policy.type_.take();
    policy.type_ = type_
        .filter(|type_| !type_.as_str().is_empty())
        .or(Some(CompletionPolicyType::Always));
}

pub(crate) fn pull_policy(policy: &mut Option<PullPolicy>) {
    let policy = policy.get_or_insert_default();
    policy.timeout_seconds.get_or_insert(TIMEOUT_SECONDS);
    policy.backoff_limit.get_or_insert(BACKOFF_LIMIT);
}

pub(crate) fn image_pull_policy(policy: &mut Option<ImagePullPolicy>) {
    let given = policy.take();
    *policy = given
        .filter(|policy| !policy.as_str().is_empty())
        .or(Some(ImagePullPolicy::IfNotPresent));
}

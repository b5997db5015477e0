//! What admission refuses in an ImagePullJob, the same in both versions (IJ-4 to IJ-6). That the gates are off is for
//! the deployable to answer (IJ-3).

use super::{defaults::TIMEOUT_SECONDS, spec::ImagePullJobSpec};
use crate::{
    spec_parts::CompletionPolicyType,
    validation::{FieldError, FieldErrors, FieldPath, image_pull},
};

/// Code of the answer to what [`validate`] refuses (IJ-5, PF-211).
pub const ANSWER_CODE: u16 = 400;
/// Code of the answer to other pull secrets (IJ-4, PF-211).
pub const PULL_SECRETS_ANSWER_CODE: u16 = 403;
/// Text of that answer.
pub const PULL_SECRETS_CHANGED: &str = "spec.pullSecrets is immutable";

const DEADLINE: &str = "must not be less than spec.pullPolicy.timeoutSeconds";

/// What is wrong with the change of a job's pull secrets. It is looked at before anything else, and has an answer of
/// its own. No list and an empty one are not the same.
#[must_use]
pub fn pull_secrets(spec: &ImagePullJobSpec, old: &ImagePullJobSpec) -> Option<FieldError> {
    let path = FieldPath::new("spec.pullSecrets");
    let is_changed = spec.pull_secrets != old.pull_secrets;
    is_changed.then(|| FieldError::forbidden(&path, PULL_SECRETS_CHANGED))
}

/// What is wrong with a job. An update is judged as a new job is.
pub fn validate(spec: &ImagePullJobSpec) -> FieldErrors {
    let path = FieldPath::new("spec");
    let mut errors = image_pull::nodes(spec.selector.as_ref(), spec.pod_selector.as_ref(), &path);
    errors.extend(image_pull::image(&spec.image, &path.child("image")));
    if let Some(parallelism) = &spec.parallelism {
        errors.extend(image_pull::parallelism(
            parallelism,
            &path.child("parallelism"),
        ));
    }
    errors.extend(image_pull::completion(
        &spec.completion_policy,
        &path.child("completionPolicy"),
    ));
    errors.extend(deadline(spec));
    errors
}

/// IJ-6
fn deadline(spec: &ImagePullJobSpec) -> Option<FieldError> {
    if spec.completion_policy.type_ != Some(CompletionPolicyType::Always) {
        return None;
    }
    let deadline = spec.completion_policy.active_deadline_seconds?;
    let timeout = spec.pull_policy.as_ref().and_then(|it| it.timeout_seconds);
    let is_less = deadline < i64::from(timeout.unwrap_or(TIMEOUT_SECONDS));
    let path = FieldPath::new("spec.completionPolicy.activeDeadlineSeconds");
    is_less.then(|| FieldError::invalid(&path, deadline, DEADLINE))
}

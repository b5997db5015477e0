//! Templates of ImageListPullJobs (AC-16).

use crate::{
    kinds::{
        advancedcronjob::{spec::ConcurrencyPolicy, v1beta1::ImageListPullJobTemplateSpec},
        imagelistpulljob::spec::ImageListPullJobSpec,
    },
    spec_parts::CompletionPolicyType,
    validation::{FieldError, FieldErrors, FieldPath, image_pull},
};

/// The longest deadline: a day.
const MAX_DEADLINE: i64 = 24 * 60 * 60;

const POLICIES: [&str; 2] = ["Replace", "Forbid"];
const TOO_LATE: &str = "must be at most 86400, which is a day";
const TOO_EARLY: &str = "must not be less than pullPolicy.timeoutSeconds";
const TTL: &str = "can't be given: history limits say how many jobs are kept";

/// The first thing that is wrong with a template, after defaults.
pub(super) fn first_error(
    template: &ImageListPullJobTemplateSpec,
    policy: Option<&ConcurrencyPolicy>,
) -> Option<FieldError> {
    let path = FieldPath::new("spec.template.imageListPullJobTemplate.spec");
    let Some(spec) = &template.spec else {
        return Some(FieldError::required(&path, image_pull::NO_IMAGES));
    };
    let mut errors = FieldErrors::new();
    errors.extend(concurrency(policy));
    errors.extend(image_pull::nodes(
        spec.selector.as_ref(),
        spec.pod_selector.as_ref(),
        &path,
    ));
    errors.extend(image_pull::images(&spec.images, &path.child("images")));
    errors.extend(completion(spec, &path.child("completionPolicy")));
    errors.into_iter().next()
}

fn concurrency(policy: Option<&ConcurrencyPolicy>) -> Option<FieldError> {
    let word = policy.map(ConcurrencyPolicy::as_str).unwrap_or_default();
    let path = FieldPath::new("spec.concurrencyPolicy");
    (!POLICIES.contains(&word)).then(|| FieldError::not_supported(&path, word, &POLICIES))
}

fn completion(spec: &ImageListPullJobSpec, path: &FieldPath) -> FieldErrors {
    let policy = &spec.completion_policy;
    let mut errors = FieldErrors::new();
    if policy.type_ != Some(CompletionPolicyType::Always) {
        let word = policy.type_.as_ref().map(CompletionPolicyType::as_str);
        errors.push(FieldError::not_supported(
            &path.child("type"),
            word.unwrap_or_default(),
            &["Always"],
        ));
    }
    if let Some(deadline) = policy.active_deadline_seconds {
        let timeout = spec.pull_policy.as_ref().and_then(|it| it.timeout_seconds);
        let path = path.child("activeDeadlineSeconds");
        if deadline > MAX_DEADLINE {
            errors.push(FieldError::invalid(&path, deadline, TOO_LATE));
        } else if timeout.is_some_and(|timeout| deadline < i64::from(timeout)) {
            errors.push(FieldError::invalid(&path, deadline, TOO_EARLY));
        }
    }
    if policy.ttl_seconds_after_finished.is_some() {
        let path = path.child("ttlSecondsAfterFinished");
        errors.push(FieldError::forbidden(&path, TTL));
    }
    errors
}

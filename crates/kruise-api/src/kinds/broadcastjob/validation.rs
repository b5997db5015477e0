//! What admission refuses in a BroadcastJob, the same in both versions (BJ-3 to BJ-8). An update is judged as a new
//! object is: every field may change.

use serde_json::Value;

use super::spec::BroadcastJobSpec;
use crate::{
    defaults,
    meta::ObjectMeta,
    template::PodTemplate,
    validation::{FieldError, FieldErrors, FieldPath, is_plain_name},
    well_known::labels,
};

const NAME: &str = "must consist of letters, digits and '-', and have at most 63 characters, since the pods carry it \
                    in a label";
const NEVER: &str = "can't be given when spec.completionPolicy.type is Never: the job does not end";
const RESERVED: &str = "is set by the controller";

/// What is wrong with a BroadcastJob.
pub fn validate(metadata: &ObjectMeta, spec: &BroadcastJobSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    errors.extend(name(&metadata.name));
    errors.extend(completion(spec));
    if let Some(view) = errors.take(template(&spec.template)) {
        errors.extend(restart_policy(&spec.template));
        errors.extend(reserved_labels(&view));
    }
    errors
}

/// The template, as far as it is read.
///
/// # Errors
/// When a part of the template has another shape than in a pod template.
pub fn template(template: &Value) -> Result<PodTemplate, FieldError> {
    PodTemplate::checked_view(template)
}

/// A template that can't be read, as admission tells it.
#[must_use]
pub fn unreadable(error: &serde_json::Error) -> FieldError {
    PodTemplate::unreadable(error)
}

/// BJ-3
fn name(name: &str) -> Option<FieldError> {
    let path = FieldPath::new("metadata.name");
    (!is_plain_name(name)).then(|| FieldError::invalid(&path, name, NAME))
}

/// BJ-4
fn completion(spec: &BroadcastJobSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(policy) = spec
        .completion_policy
        .as_ref()
        .filter(|_| spec.never_completes())
    else {
        return errors;
    };
    let path = FieldPath::new("spec.completionPolicy");
    if let Some(seconds) = policy.ttl_seconds_after_finished {
        let path = path.child("ttlSecondsAfterFinished");
        errors.push(FieldError::invalid(&path, seconds, NEVER));
    }
    if let Some(seconds) = policy.active_deadline_seconds {
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::invalid(&path, seconds, NEVER));
    }
    errors
}

/// BJ-5: an absent policy is judged as what it will mean.
fn restart_policy(template: &Value) -> Option<FieldError> {
    let mut template = template.clone();
    defaults::pod_template(&mut template);
    let policy = template.pointer("/spec/restartPolicy");
    let policy = policy.and_then(Value::as_str).unwrap_or_default();
    let path = FieldPath::new("spec.template.spec.restartPolicy");
    let supported = ["OnFailure", "Never"];
    (!supported.contains(&policy)).then(|| FieldError::not_supported(&path, policy, &supported))
}

/// BJ-6
fn reserved_labels(template: &PodTemplate) -> FieldErrors {
    let path = FieldPath::new("spec.template.metadata.labels");
    let reserved = [
        labels::BROADCASTJOB_NAME,
        labels::BROADCASTJOB_CONTROLLER_UID,
    ];
    let given = reserved.into_iter().filter_map(|key| {
        let value = template.metadata.labels.get(key)?;
        (!value.is_empty()).then(|| {
            let path = path.child(key);
            FieldError::invalid(&path, value.as_str(), RESERVED)
        })
    });
    given.collect()
}

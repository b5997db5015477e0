//! What admission refuses in a StatefulSet (AS-13 to AS-26). An update is judged as a whole.

mod claims;
mod strategy;

use serde_json::Value;

use super::{
    spec::{PodManagementPolicyType, StatefulSetPersistentVolumeClaimRetentionPolicy},
    texts, v1alpha1,
    v1beta1::{StatefulSet, StatefulSetSpec},
};
use crate::{
    int_or_string::IntOrString,
    meta::ObjectMeta,
    validation::{FieldError, FieldErrors, FieldPath, dns_label, numbers, workload},
    well_known::annotations::STATEFULSET_V1BETA1_SPEC,
};

pub use claims::{StorageClass, validate_claims};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 422;

/// What is wrong with a v1beta1 StatefulSet that has its defaults, and with the change that made it of `old`.
pub fn validate_v1beta1(set: &StatefulSet, old: Option<&StatefulSet>) -> FieldErrors {
    let spec = &set.spec;
    let mut errors = FieldErrors::new();
    errors.extend(name(&set.metadata));
    if let Some(old) = old {
        errors.extend(change(spec, &old.spec));
    }
    errors.extend(management_policy(&spec.pod_management_policy));
    errors.extend(reserved(&spec.reserve_ordinals));
    let scale = spec.scale_strategy.as_ref();
    if let Some(value) = scale.and_then(|scale| scale.max_unavailable.as_ref()) {
        let path = FieldPath::new("spec.scaleStrategy.maxUnavailable");
        errors.extend(strategy::max_unavailable(&path, value, is_parallel(spec)));
    }
    errors.extend(strategy::errors(spec));
    if let Some(policy) = &spec.persistent_volume_claim_retention_policy {
        errors.extend(retention(policy));
    }
    errors.take(workload::replicas(spec.replicas));
    errors.extend(template(spec));
    errors
}

/// What is wrong with a v1alpha1 StatefulSet that has its defaults, and with the change that made it of `old`. The fields
/// in its annotation are not looked at (AS-4).
pub fn validate_v1alpha1(
    set: &v1alpha1::StatefulSet,
    old: Option<&v1alpha1::StatefulSet>,
) -> FieldErrors {
    let bare = |set: &v1alpha1::StatefulSet| {
        let mut set = set.clone();
        set.metadata.annotations.remove(STATEFULSET_V1BETA1_SPEC);
        StatefulSet::from(set)
    };
    validate_v1beta1(&bare(set), old.map(bare).as_ref())
}

fn is_parallel(spec: &StatefulSetSpec) -> bool {
    spec.pod_management_policy == PodManagementPolicyType::Parallel
}

/// AS-13: pods have the name in theirs, and in a label. The rest of the metadata is judged by the API server.
fn name(metadata: &ObjectMeta) -> Option<FieldError> {
    let name = metadata.name.as_str();
    let why = dns_label(name).filter(|_| !name.is_empty())?;
    Some(FieldError::invalid(
        &FieldPath::new("metadata.name"),
        name,
        why,
    ))
}

/// AS-24, AS-26
fn change(spec: &StatefulSetSpec, old: &StatefulSetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if !workload::same_selector(&spec.selector, &old.selector) {
        errors.push(workload::selector_changed());
    }
    let fixed = |spec: &StatefulSetSpec| {
        let policy = match spec.pod_management_policy.as_str() {
            "" => PodManagementPolicyType::OrderedReady,
            word => PodManagementPolicyType::from(word),
        };
        (spec.service_name.clone(), policy)
    };
    let path = FieldPath::new("spec");
    if fixed(spec) != fixed(old) {
        errors.push(FieldError::forbidden(&path, texts::FIXED));
    }
    if strategy::is_in_place_only(spec)
        && !strategy::only_images_differ(&old.template, &spec.template)
    {
        errors.push(FieldError::forbidden(&path, workload::ONLY_IMAGES));
    }
    errors
}

/// AS-14
fn management_policy(policy: &PodManagementPolicyType) -> Option<FieldError> {
    let path = FieldPath::new("spec.podManagementPolicy");
    match policy {
        PodManagementPolicyType::Other(word) if word.is_empty() => {
            Some(FieldError::required(&path, texts::MANAGEMENT_POLICY))
        }
        PodManagementPolicyType::Other(word) => Some(FieldError::invalid(
            &path,
            word.as_str(),
            texts::MANAGEMENT_POLICY,
        )),
        _ => None,
    }
}

/// AS-15. The errors are told at `spec`.
fn reserved(ordinals: &[IntOrString]) -> FieldErrors {
    let path = FieldPath::new("spec");
    let wrong = ordinals.iter().enumerate().filter_map(|(index, value)| {
        let why = match value {
            IntOrString::Int(number) if *number < 0 => numbers::NOT_NEGATIVE,
            IntOrString::String(text) if !is_range(text) => {
                "must be a range such as \"2-5\", whose end is not below its start"
            }
            _ => return None,
        };
        let why = format!("reserveOrdinals[{index}] {why}");
        Some(FieldError::invalid(&path, Value::from(value), why))
    });
    wrong.collect()
}

fn is_range(text: &str) -> bool {
    let ends = text.split_once('-').map(<[&str; 2]>::from);
    let number = |text: &str| {
        let are_digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|_| are_digits)
    };
    match ends.map(|ends| ends.map(number)) {
        Some([Some(start), Some(end)]) => start <= end,
        _ => false,
    }
}

/// AS-21
fn retention(policy: &StatefulSetPersistentVolumeClaimRetentionPolicy) -> FieldErrors {
    let path = FieldPath::new("spec.persistentVolumeClaimRetentionPolicy");
    let words = [
        ("whenDeleted", policy.when_deleted.as_str()),
        ("whenScaled", policy.when_scaled.as_str()),
    ];
    let wrong = words
        .into_iter()
        .filter(|(_, word)| !texts::RETENTIONS.contains(word));
    wrong
        .map(|(field, word)| {
            FieldError::not_supported(&path.child(field), word, &texts::RETENTIONS)
        })
        .collect()
}

/// AS-23. What is wrong in the template's metadata is told without `metadata` in the path.
fn template(spec: &StatefulSetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let parsed = workload::checked_selector(&spec.selector, &mut errors);
    if let Some(view) = errors.take(workload::template(&spec.template)) {
        errors.extend(workload::template_metadata(
            &view.metadata,
            &FieldPath::new("spec.template"),
        ));
        let path = FieldPath::new("spec.template.spec");
        errors.extend(workload::endless_pods(&spec.template, &path));
        if let Some(selector) = parsed {
            errors.take(workload::labels_match(&selector, &view.metadata.labels));
        }
    }
    errors
}

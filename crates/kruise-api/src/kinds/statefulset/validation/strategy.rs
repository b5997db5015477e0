//! Validation of the update strategy (AS-17 to AS-20), and of changes of the template where pods are updated in place
//! only (AS-26).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::{
    spec::{
        RollingUpdateStatefulSetStrategy, StatefulSetPodUpdatePolicy, StatefulSetUpdateStrategyType,
    },
    texts,
    v1beta1::StatefulSetSpec,
};
use crate::{
    defaults,
    int_or_string::IntOrString,
    template::{PodTemplate, means_the_same},
    validation::{FieldError, FieldErrors, FieldPath, numbers, update_order},
    well_known::conditions::IN_PLACE_UPDATE_READY,
};

/// AS-17
pub(super) fn errors(spec: &StatefulSetSpec) -> FieldErrors {
    let path = FieldPath::new("spec.updateStrategy");
    let mut errors = FieldErrors::new();
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let at_type = path.child("type");
    let path = path.child("rollingUpdate");
    match (&strategy.type_, &strategy.rolling_update) {
        (StatefulSetUpdateStrategyType::OnDelete, Some(terms)) => {
            let value = serde_json::to_value(terms).unwrap_or_default();
            errors.push(FieldError::invalid(&path, value, texts::ON_DELETE));
        }
        (StatefulSetUpdateStrategyType::RollingUpdate, Some(terms)) => {
            errors.extend(rolling_update(spec, terms, &path));
        }
        (StatefulSetUpdateStrategyType::Other(word), _) if word.is_empty() => {
            errors.push(FieldError::required(&at_type, texts::TYPE));
        }
        (StatefulSetUpdateStrategyType::Other(word), _) => {
            errors.push(FieldError::invalid(&at_type, word.as_str(), texts::TYPE));
        }
        (_, None) => {}
    }
    errors
}

fn rolling_update(
    spec: &StatefulSetSpec,
    terms: &RollingUpdateStatefulSetStrategy,
    path: &FieldPath,
) -> FieldErrors {
    let RollingUpdateStatefulSetStrategy {
        partition,
        max_unavailable: unavailable,
        pod_update_policy,
        paused: _,
        unordered_update,
        in_place_update_strategy: _,
        min_ready_seconds,
        unknown: _,
    } = terms;
    let is_parallel = super::is_parallel(spec);
    let mut errors = FieldErrors::new();
    errors.extend(numbers::not_negative(&path.child("partition"), *partition));
    if let Some(seconds) =
        min_ready_seconds.filter(|seconds| !(0..=texts::MAX_MIN_READY_SECONDS).contains(seconds))
    {
        let path = path.child("minReadySeconds");
        errors.push(FieldError::invalid(&path, seconds, texts::MIN_READY));
    }
    let at = path.child("maxUnavailable");
    errors.extend(match unavailable {
        Some(value) => max_unavailable(&at, value, is_parallel),
        None => Some(FieldError::required(&at, texts::MAX_UNAVAILABLE)),
    });
    errors.extend(policy(spec, pod_update_policy, path));
    if let Some(unordered) = unordered_update {
        let path = path.child("unorderedUpdate");
        if !is_parallel {
            let why = "can be given only where podManagementPolicy is Parallel";
            errors.push(FieldError::required(&path, why));
        }
        if let Some(priority) = &unordered.priority_strategy {
            let path = path.child("priorityStrategy");
            errors.extend(update_order::priority(priority, &path));
        }
    }
    errors
}

/// AS-18: of one pod, the value must be at least 1; and it must be 1 where pods wait for each other.
pub(super) fn max_unavailable(
    path: &FieldPath,
    value: &IntOrString,
    is_parallel: bool,
) -> Option<FieldError> {
    let is_right = match value {
        IntOrString::Int(number) => *number >= 1,
        IntOrString::String(text) => numbers::percentage(text).is_some_and(|percent| percent > 0),
    };
    let why = if !is_right {
        texts::MAX_UNAVAILABLE
    } else if !is_parallel && *value != IntOrString::Int(1) {
        "can be other than 1 only where podManagementPolicy is Parallel"
    } else {
        return None;
    };
    Some(FieldError::invalid(path, Value::from(value), why))
}

/// AS-19
fn policy(
    spec: &StatefulSetSpec,
    policy: &StatefulSetPodUpdatePolicy,
    path: &FieldPath,
) -> Option<FieldError> {
    let path = path.child("podUpdatePolicy");
    match policy {
        StatefulSetPodUpdatePolicy::Other(word) if word.is_empty() => {
            Some(FieldError::required(&path, texts::POLICY))
        }
        StatefulSetPodUpdatePolicy::Other(word) => {
            Some(FieldError::invalid(&path, word.as_str(), texts::POLICY))
        }
        policy if policy.is_in_place() && !has_readiness_gate(&spec.template) => {
            let gates = spec.template.pointer("/spec/readinessGates");
            Some(FieldError::invalid(
                &FieldPath::new("spec.template.spec.readinessGates"),
                gates.cloned().unwrap_or_default(),
                format!("must have {IN_PLACE_UPDATE_READY} when podUpdatePolicy is {policy}"),
            ))
        }
        _ => None,
    }
}

/// Whether the template has the readiness gate of updates in place. That a template can't be read is told elsewhere.
fn has_readiness_gate(template: &Value) -> bool {
    PodTemplate::view(template).map_or(true, |view| {
        let mut gates = view.spec.readiness_gates.iter();
        gates.any(|gate| gate.condition_type == IN_PLACE_UPDATE_READY)
    })
}

/// Whether pods are updated in place or not at all.
pub(super) fn is_in_place_only(spec: &StatefulSetSpec) -> bool {
    let strategy = spec.update_strategy.as_ref();
    let terms = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    terms.is_some_and(|terms| terms.pod_update_policy == StatefulSetPodUpdatePolicy::InPlaceOnly)
}

/// Whether the specs of two templates differ in nothing but what an ordinary container says of its image (AS-26). That
/// imagePullPolicy may change as well is kept. Both templates are compared with their defaults, since the old one may
/// have been stored while no webhook was installed.
pub(super) fn only_images_differ(old: &Value, new: &Value) -> bool {
    let (old, new) = (defaulted_spec(old), defaulted_spec(new));
    let (images_of_old, old) = split(old);
    let (images_of_new, new) = split(new);
    // In whatever order they are written.
    let names = |images: &[Map<String, Value>]| -> Vec<BTreeSet<String>> {
        let images = images.iter();
        images
            .map(|image| image.keys().cloned().collect())
            .collect()
    };
    // Values may be replaced, neither added nor taken away.
    names(&images_of_old) == names(&images_of_new) && means_the_same(&old, &new)
}

fn defaulted_spec(template: &Value) -> Value {
    let mut template = template.clone();
    defaults::pod_template(&mut template);
    template
        .get_mut("spec")
        .map(Value::take)
        .unwrap_or_default()
}

/// What each container says of its image, and the spec without that.
fn split(mut spec: Value) -> (Vec<Map<String, Value>>, Value) {
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    let containers = containers.into_iter().flatten();
    let images = containers
        .filter_map(Value::as_object_mut)
        .map(|container| {
            let (images, others) = std::mem::take(container)
                .into_iter()
                .partition(|(name, _)| name.starts_with("image"));
            *container = others;
            images
        });
    (images.collect(), spec)
}

//! States of a pod's life and the hooks that hold a pod in them (IP-62 to IP-71).

use serde_json::{Map, Value, json};

use super::state::whole_seconds;
use crate::{
    apps::v1beta1::LifecycleHook,
    meta::Time,
    pod::Pod,
    well_known::{annotations, labels},
};

/// The pod's state; empty when it has none.
#[must_use]
pub fn state(pod: &Pod) -> &str {
    pod.metadata
        .labels
        .get(labels::LIFECYCLE_STATE)
        .map_or("", String::as_str)
}

/// Whether the hook holds the pod: any of its finalizers or labels is on the pod. A missing or empty
/// hook holds nothing. A label wanted with an empty value is also met by a pod without that label.
#[must_use]
pub fn hooked(hook: Option<&LifecycleHook>, pod: &Pod) -> bool {
    let Some(hook) = hook else { return false };
    finalizers(hook).any(|finalizer| has_finalizer(pod, finalizer))
        || hook
            .labels_handler
            .iter()
            .flatten()
            .any(|(key, value)| pod.metadata.labels.get(key).map_or("", String::as_str) == value)
}

/// Whether all finalizers and labels of the hook are on the pod. Never for a missing hook, always for
/// an empty one.
#[must_use]
pub fn all_hooked(hook: Option<&LifecycleHook>, pod: &Pod) -> bool {
    let Some(hook) = hook else { return false };
    finalizers(hook).all(|finalizer| has_finalizer(pod, finalizer))
        && hook
            .labels_handler
            .iter()
            .flatten()
            .all(|(key, value)| pod.metadata.labels.get(key) == Some(value))
}

/// A time as it is written on the wire: RFC 3339 in UTC, with whole seconds.
#[must_use]
pub fn timestamp(time: Time) -> String {
    whole_seconds(time).to_string()
}

/// Strategic merge patch of a pod that sets its state and when it did.
#[must_use]
pub fn transition_patch(pod: &Pod, state: &str, now: Time) -> Value {
    let (labels, annotations) = state_members(state, now);
    json!({ "metadata": { "uid": pod.metadata.uid, "labels": labels, "annotations": annotations } })
}

/// Strategic merge patch of a pod that sets its state and puts the hook's labels and finalizers on it
/// (IP-67).
#[must_use]
pub fn transition_with_handler_patch(
    pod: &Pod,
    state: &str,
    hook: &LifecycleHook,
    now: Time,
) -> Value {
    let (state_labels, annotations) = state_members(state, now);
    let mut labels = Map::new();
    for (key, value) in hook.labels_handler.iter().flatten() {
        labels.insert(key.clone(), Value::from(value.as_str()));
    }
    labels.extend(state_labels);
    let mut metadata = Map::new();
    metadata.insert("uid".to_owned(), Value::from(pod.metadata.uid.as_str()));
    metadata.insert("labels".to_owned(), Value::Object(labels));
    metadata.insert("annotations".to_owned(), Value::Object(annotations));
    let finalizers: Vec<&str> = finalizers(hook).collect();
    if !finalizers.is_empty() {
        // Merged by the server into those that the pod has.
        metadata.insert("finalizers".to_owned(), json!(finalizers));
    }
    json!({ "metadata": metadata })
}

/// Labels and annotations of a pod in this state since `now`.
pub(super) fn state_members(state: &str, now: Time) -> (Map<String, Value>, Map<String, Value>) {
    let single = |key: &str, value: &str| Map::from_iter([(key.to_owned(), Value::from(value))]);
    (
        single(labels::LIFECYCLE_STATE, state),
        single(annotations::LIFECYCLE_TIMESTAMP, &timestamp(now)),
    )
}

fn finalizers(hook: &LifecycleHook) -> impl Iterator<Item = &str> {
    hook.finalizers_handler.iter().flatten().map(String::as_str)
}

fn has_finalizer(pod: &Pod, finalizer: &str) -> bool {
    pod.metadata
        .finalizers
        .iter()
        .any(|present| present == finalizer)
}

//! States of a pod's life and the hooks that hold a pod in them (IP-62 to IP-71).

use serde_json::json;

use super::{
    not_ready_keys::{self, Change, Key},
    patch::{PodPatch, PodWrite},
};
use crate::{
    meta::{Time, timestamp},
    pod::Pod,
    spec_parts::LifecycleHook,
    text::Text,
    well_known::{
        annotations, labels,
        lifecycle_states::{NORMAL, PREPARING_DELETE, PREPARING_UPDATE, UPDATED},
    },
};

/// The pod's lifecycle state; empty when the pod has none.
#[must_use]
pub fn state(pod: &Pod) -> &str {
    label(pod, labels::LIFECYCLE_STATE)
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
            .any(|(key, value)| label(pod, key) == value)
}

/// Whether all finalizers and labels of the hook are on the pod. Never for a missing hook, always for an
/// empty one. As for [`hooked`], a label wanted with an empty value is also met by a pod without that
/// label.
#[must_use]
pub fn all_hooked(hook: Option<&LifecycleHook>, pod: &Pod) -> bool {
    let Some(hook) = hook else { return false };
    finalizers(hook).all(|finalizer| has_finalizer(pod, finalizer))
        && hook
            .labels_handler
            .iter()
            .flatten()
            .all(|(key, value)| label(pod, key) == value)
}

/// The value of a label; empty when the pod lacks the label, as in Go's maps.
fn label<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.metadata.labels.get(key).map_or("", Text::as_str)
}

/// Whether the hook asks that the pod be not ready while it is held (IP-68).
#[must_use]
pub fn marks_not_ready(hook: &LifecycleHook) -> bool {
    hook.mark_pod_not_ready == Some(true)
}

/// The writes that move a pod to a state (IP-66): at most one. None when the pod is in that state, and is
/// held not ready or let go as the state wants it. `mark_pod_not_ready` is what the hook
/// [asks](marks_not_ready).
#[must_use]
pub fn transition(pod: &Pod, to_state: &str, mark_pod_not_ready: bool, now: Time) -> Vec<PodWrite> {
    let mut patch = PodPatch::default();
    go_to(&mut patch, pod, to_state, mark_pod_not_ready, now);
    writes(pod, patch)
}

/// The writes that move a pod to a state and put the hook's labels and finalizers on the pod (IP-67), in
/// order. None when the pod is in that state, and is held not ready if the hook asks for it.
///
/// There are two writes when the pod is to become not ready and lacks finalizers: a patch of the status
/// can't carry these. The state then comes second, with the finalizers. So a pod that got only the first
/// write is asked about again.
#[must_use]
pub fn transition_with_handler(
    pod: &Pod,
    to_state: &str,
    hook: &LifecycleHook,
    now: Time,
) -> Vec<PodWrite> {
    let mut patch = PodPatch::default();
    go_to(&mut patch, pod, to_state, marks_not_ready(hook), now);
    if state(pod) != to_state {
        for (key, value) in hook.labels_handler.iter().flatten() {
            // If the hook names the label of the state, the state wins.
            if !patch.labels.contains_key(key) {
                patch.label(key, value);
            }
        }
        if finalizers(hook).any(|finalizer| !has_finalizer(pod, finalizer)) {
            let finalizers: Vec<&str> = finalizers(hook).collect();
            // Merged by the server into those that the pod has.
            patch
                .finalizers
                .insert("finalizers".to_owned(), json!(finalizers));
        }
    }
    writes(pod, patch)
}

/// Sets the lifecycle state, and since when the pod has it.
pub(super) fn set_state(patch: &mut PodPatch, state: &str, now: Time) {
    patch.label(labels::LIFECYCLE_STATE, state);
    patch.annotation(annotations::LIFECYCLE_TIMESTAMP, &timestamp(now));
}

/// Adds to the patch what moves the pod to a state: the state itself, and who holds the pod not ready
/// (IP-66, IP-68, IP-69).
pub(super) fn go_to(
    patch: &mut PodPatch,
    pod: &Pod,
    to_state: &str,
    mark_pod_not_ready: bool,
    now: Time,
) {
    let keys = change_of_keys(state(pod), to_state, mark_pod_not_ready);
    patch
        .conditions
        .extend(not_ready_keys::changed(pod, &keys, now));
    if state(pod) != to_state {
        set_state(patch, to_state, now);
    }
}

/// What a hook asks counts only when the pod is to be held. A key that holds the pod is taken away whatever
/// the hook asks by then (DV-IP6), so that no pod stays not ready for ever.
fn change_of_keys(from: &str, to: &str, mark_pod_not_ready: bool) -> Change {
    let add = match to {
        PREPARING_DELETE => Some(Key::pre_delete_hook()),
        PREPARING_UPDATE => Some(Key::pre_update_hook()),
        _ => None,
    };
    let mut remove = Vec::new();
    if matches!(to, UPDATED | NORMAL) {
        remove.push(Key::pre_update_hook());
    }
    if from == PREPARING_DELETE && to != PREPARING_DELETE {
        remove.push(Key::pre_delete_hook());
    }
    Change {
        add: add.filter(|_| mark_pod_not_ready),
        remove,
    }
}

fn writes(pod: &Pod, mut patch: PodPatch) -> Vec<PodWrite> {
    let write = |subresource, patch| PodWrite { subresource, patch };
    if patch.is_empty() {
        return Vec::new();
    }
    if patch.conditions.is_empty() {
        return vec![write(None, patch.for_uid_of(pod))];
    }
    if patch.finalizers.is_empty() {
        // Labels and annotations travel with the status (DV-D6).
        return vec![write(Some("status"), patch.for_version_of(pod))];
    }
    let conditions = PodPatch {
        conditions: std::mem::take(&mut patch.conditions),
        ..PodPatch::default()
    };
    vec![
        write(Some("status"), conditions.for_version_of(pod)),
        write(None, patch.for_uid_of(pod)),
    ]
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

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

/// The pod's state; empty when it has none.
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

/// Whether all finalizers and labels of the hook are on the pod. Never for a missing hook, always for
/// an empty one. What was said of a label with an empty value goes here as well.
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

/// Empty when the pod lacks it, as Go's maps say.
fn label<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.metadata.labels.get(key).map_or("", Text::as_str)
}

/// Whether the hook asks that the pod be not ready while it is held (IP-68).
#[must_use]
pub fn marks_not_ready(hook: &LifecycleHook) -> bool {
    hook.mark_pod_not_ready == Some(true)
}

/// The writes that move a pod to a state (IP-66): at most one. None when it is in that state, and held
/// not ready, or let go, as the state wants it. `mark_pod_not_ready` is the hook's wish.
#[must_use]
pub fn transition(pod: &Pod, to_state: &str, mark_pod_not_ready: bool, now: Time) -> Vec<PodWrite> {
    let mut patch = PodPatch::default();
    go_to(&mut patch, pod, to_state, mark_pod_not_ready, now);
    writes(pod, patch)
}

/// The writes that move a pod to a state and put the hook's labels and finalizers on it (IP-67), in
/// order. None when it is in that state, and held not ready if the hook wants it.
///
/// There are two when the pod is to become not ready and finalizers are missing, which a patch of the
/// status can't carry. Then the state comes with the finalizers, second: a pod that was left between
/// the two is asked again.
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
            // The state wins over a hook that names its label.
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

/// Sets a state and since when.
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

/// A hook's wish is only asked when the pod is to be held. Whoever held it lets it go whatever the
/// wish is by now (DV-IP6), so that nobody stays not ready for ever.
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
        // Labels and annotations travel with the status, DV-D6.
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

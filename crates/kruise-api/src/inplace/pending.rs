//! What an earlier update ordered and has not applied yet (IP-22).
//!
//! The pod's label names the earlier target already, so the difference from there to the new target
//! does not show it. It is wanted still, wherever the new difference is silent: the new target then has
//! the same value as the earlier one.

use serde_json::{Map, Value};

use super::{
    Update,
    batch::Items,
    grace,
    patch::is_about_finalizers,
    state::{self, InPlaceUpdateGrace, InPlaceUpdateState, RefMetadata},
};
use crate::{pod::Pod, revision, well_known::labels::CONTROLLER_REVISION_HASH};

/// Everything that an update is to change, its own and what was still waiting.
#[derive(Debug, Clone, Default)]
pub(super) struct Whole {
    pub(super) items: Items,
    pub(super) metadata_patch: Option<Value>,
    pub(super) env_from_metadata: bool,
}

/// The update together with what still waits in the pod.
pub(super) fn with_pending(pod: &Pod, update: &Update) -> Whole {
    let mut whole = waiting(pod);
    for (container, image) in &update.images {
        whole.items.images.insert(container.clone(), image.clone());
    }
    if let Some(patch) = &update.metadata_patch {
        let is_named = |field: &str, key: &str| {
            patch
                .get(field)
                .and_then(Value::as_object)
                .is_some_and(|keys| keys.contains_key(key))
        };
        for metadata in whole.items.ref_metadata.values_mut() {
            metadata.labels.retain(|key, _| !is_named("labels", key));
            metadata
                .annotations
                .retain(|key, _| !is_named("annotations", key));
        }
        whole
            .items
            .ref_metadata
            .retain(|_, metadata| !metadata.labels.is_empty() || !metadata.annotations.is_empty());
        let earlier = whole.metadata_patch.take();
        whole.metadata_patch = Some(merged(earlier, patch));
    }
    whole.env_from_metadata &= !whole.items.ref_metadata.is_empty();
    whole
}

/// What waits in the grace annotation and for later batches, provided that it belongs to the revision
/// which the pod's label names. What can't be read is not waited for.
fn waiting(pod: &Pod) -> Whole {
    let label = pod.metadata.labels.get(CONTROLLER_REVISION_HASH);
    let is_ordered =
        |revision: &str| label.is_some_and(|label| revision::label_names(label, revision));
    let mut whole = Whole::default();
    if let Ok(Some(state)) = InPlaceUpdateState::of(pod)
        && is_ordered(&state.revision)
        && state.has_pending()
    {
        whole.items.images = state.next_container_images;
        whole.items.ref_metadata = state.next_container_ref_metadata;
        whole.env_from_metadata = state.update_env_from_metadata;
    }
    let grace: Option<InPlaceUpdateGrace> =
        state::grace_text(pod).and_then(|text| serde_json::from_str(text).ok());
    if let Some(grace) = grace
        && is_ordered(&grace.revision)
    {
        whole.metadata_patch = grace::metadata_patch(&grace).unwrap_or_default();
        whole.env_from_metadata |= grace.update_env_from_metadata;
        whole.items.images.extend(grace.container_images);
        for (container, metadata) in grace.container_ref_metadata {
            let merged: &mut RefMetadata = whole.items.ref_metadata.entry(container).or_default();
            merged.labels.extend(metadata.labels);
            merged.annotations.extend(metadata.annotations);
        }
    }
    whole
}

/// Two patches of metadata one after the other.
fn merged(earlier: Option<Value>, later: &Value) -> Value {
    let Some(Value::Object(mut patch)) = earlier else {
        return later.clone();
    };
    let Some(later) = later.as_object() else {
        return Value::Object(patch);
    };
    if later.keys().any(|key| is_about_finalizers(key)) {
        patch.retain(|key, _| !is_about_finalizers(key));
    }
    for (key, value) in later {
        match (patch.get_mut(key).and_then(Value::as_object_mut), value) {
            (Some(entries), Value::Object(later)) => {
                entries.extend(
                    later
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch.into_iter().collect::<Map<_, _>>())
}

//! What an earlier update ordered and has not applied yet (IP-22).
//!
//! The pod's label names the earlier target already. So the difference between the earlier target and the
//! new one does not show what is still to be applied. That is wanted as before wherever the difference
//! names nothing: there the new target has the same value as the earlier one.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    Resources, Update, grace,
    patch::is_about_finalizers,
    state::{self, InPlaceUpdateGrace, InPlaceUpdateState, RefMetadata},
};
use crate::{pod::Pod, revision, well_known::labels::CONTROLLER_REVISION_HASH};

/// The update together with what still waits in the pod. `target` is the data of the revision that the
/// update goes to.
pub(super) fn with_pending(pod: &Pod, update: &Update, target: &Value) -> Update {
    let mut whole = waiting(pod);
    drop_reverted(&mut whole, target);
    drop_metadata_that_is_named(&mut whole, update);

    whole.images.extend(update.images.clone());
    for (container, resources) in &update.resources {
        let mut resources = resources.clone();
        resources.complete_with(whole.resources.remove(container).unwrap_or_default());
        whole.resources.insert(container.clone(), resources);
    }
    for (container, metadata) in &update.ref_metadata {
        add(
            whole.ref_metadata.entry(container.clone()).or_default(),
            metadata.clone(),
        );
    }
    if let Some(patch) = &update.metadata_patch {
        whole.metadata_patch = Some(merged(whole.metadata_patch.take(), patch));
    }
    whole
}

/// What waits in the grace annotation and for later batches, provided that it belongs to the revision which
/// the pod's label names. An annotation that can't be read counts as absent.
pub(super) fn waiting(pod: &Pod) -> Update {
    let label = pod.metadata.labels.get(CONTROLLER_REVISION_HASH);
    let is_ordered =
        |revision: &str| label.is_some_and(|label| revision::label_names(label, revision));
    let mut waiting = Update::default();
    if let Ok(Some(state)) = InPlaceUpdateState::of(pod)
        && is_ordered(&state.revision)
    {
        waiting = of_state(state);
    }
    let grace: Option<InPlaceUpdateGrace> =
        state::grace_text(pod).and_then(|text| serde_json::from_str(text).ok());
    if let Some(grace) = grace
        && is_ordered(&grace.revision)
    {
        waiting.metadata_patch = grace::metadata_patch(&grace).unwrap_or_default();
        waiting.images.extend(grace.container_images);
        for (container, mut resources) in grace.container_resources {
            resources.complete_with(waiting.resources.remove(&container).unwrap_or_default());
            waiting.resources.insert(container, resources);
        }
        for (container, metadata) in grace.container_ref_metadata {
            add(waiting.ref_metadata.entry(container).or_default(), metadata);
        }
    }
    waiting
}

/// What waits for later batches.
pub(super) fn of_state(state: InPlaceUpdateState) -> Update {
    Update {
        images: state.next_container_images,
        resources: state.next_container_resources,
        ref_metadata: state.next_container_ref_metadata,
        metadata_patch: None,
    }
}

fn add(metadata: &mut RefMetadata, more: RefMetadata) {
    metadata.labels.extend(more.labels);
    metadata.annotations.extend(more.annotations);
}

/// Drops the images and resources that the new target does not have. Unless others edited the pod, these
/// are only such as the update names itself.
fn drop_reverted(waiting: &mut Update, target: &Value) {
    let containers = revision::template(target)
        .and_then(|template| template.pointer("/spec/containers")?.as_array());
    let container = |name: &str| {
        containers
            .into_iter()
            .flatten()
            .find(|container| container.get("name").and_then(Value::as_str) == Some(name))
    };
    waiting.images.retain(|name, image| {
        let wanted = container(name).and_then(|container| container.get("image")?.as_str());
        wanted == Some(image)
    });
    waiting.resources.retain(|name, resources: &mut Resources| {
        resources.keep_wanted(container(name));
        !resources.is_empty()
    });
}

/// Drops the labels and annotations that the new update names itself, be it in its patch of metadata or for
/// the containers that read them.
fn drop_metadata_that_is_named(waiting: &mut Update, update: &Update) {
    let is_named = |map: &str, key: &str| {
        let named = update
            .metadata_patch
            .as_ref()
            .and_then(|patch| patch.get(map));
        update.is_read(map, key) || named.is_some_and(|keys| keys.get(key).is_some())
    };
    waiting.ref_metadata.retain(|_, metadata| {
        metadata.labels.retain(|key, _| !is_named("labels", key));
        metadata
            .annotations
            .retain(|key, _| !is_named("annotations", key));
        !metadata.labels.is_empty() || !metadata.annotations.is_empty()
    });
    for map in ["labels", "annotations"] {
        let entries = waiting
            .metadata_patch
            .as_mut()
            .and_then(|patch| patch.get_mut(map)?.as_object_mut());
        if let Some(entries) = entries {
            entries.retain(|key, _| !is_named(map, key));
        }
    }
}

/// One patch of metadata that does what two patches do one after the other.
fn merged(earlier: Option<Value>, later: &Value) -> Value {
    let Some(Value::Object(earlier)) = earlier else {
        return later.clone();
    };
    let nothing = Map::new();
    let later = later.as_object().unwrap_or(&nothing);
    let mut patch = Map::new();
    for map in ["labels", "annotations"] {
        let entries: Map<String, Value> = [&earlier, later]
            .into_iter()
            .filter_map(|patch| patch.get(map)?.as_object())
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !entries.is_empty() {
            patch.insert(map.to_owned(), Value::Object(entries));
        }
    }
    patch.extend(merged_finalizers(&earlier, later));
    Value::Object(patch)
}

/// The finalizers in [`merged`] patches. The later patch decides about each finalizer that it names. An
/// order that a patch asks for is dropped, since an order has to name all finalizers.
fn merged_finalizers(
    earlier: &Map<String, Value>,
    later: &Map<String, Value>,
) -> Map<String, Value> {
    if !earlier.keys().any(|key| is_about_finalizers(key)) {
        return later
            .iter()
            .filter(|(key, _)| is_about_finalizers(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
    }
    let names = |patch: &Map<String, Value>, member: &str| -> BTreeSet<String> {
        let names = patch.get(member).and_then(Value::as_array);
        names
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let (added, taken) = (names(later, FINALIZERS), names(later, TAKEN_FINALIZERS));
    let still = |member: &str, against: &BTreeSet<String>| -> BTreeSet<String> {
        names(earlier, member)
            .difference(against)
            .cloned()
            .collect()
    };
    let all_added = &still(FINALIZERS, &taken) | &added;
    let all_taken = &still(TAKEN_FINALIZERS, &added) | &taken;
    let members = [(FINALIZERS, all_added), (TAKEN_FINALIZERS, all_taken)];
    members
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(member, names)| (member.to_owned(), json!(names)))
        .collect()
}

const FINALIZERS: &str = "finalizers";
const TAKEN_FINALIZERS: &str = "$deleteFromPrimitiveList/finalizers";

//! One batch of an update: which containers change now, and which wait until these are ready (IP-24 to
//! IP-33).

use std::collections::BTreeSet;

use super::{
    Options, Update,
    patch::PodPatch,
    state::{ContainerBatch, InPlaceUpdateState, LastContainerStatus, PreCheckBeforeNext},
};
use crate::{
    meta::{Time, whole_seconds},
    pod::{Container, Pod},
    well_known::annotations::INPLACE_UPDATE_STATE,
};

/// Adds the present batch of the update to the patch, and the state that remembers it. `state` is what
/// was known before.
pub(super) fn apply(
    pod: &Pod,
    update: &Update,
    mut state: InPlaceUpdateState,
    options: &Options,
    now: Time,
    patch: &mut PodPatch,
) {
    state.next_container_images.clear();
    state.next_container_ref_metadata.clear();
    state.next_container_resources.clear();

    let batch = present_batch(pod, update);
    for container in &pod.spec.containers {
        let name = &container.name;
        if batch.contains(name.as_str()) {
            change(pod, container, update, options, &mut state, patch);
        } else {
            postpone(name, update, &mut state);
        }
    }

    let containers: Vec<String> = batch.into_iter().map(str::to_owned).collect();
    state.pre_check_before_next = state.has_pending().then(|| PreCheckBeforeNext {
        containers_required_ready: containers.clone(),
    });
    state.container_batches_record.push(ContainerBatch {
        timestamp: Some(whole_seconds(now)),
        containers,
    });
    patch.annotation(INPLACE_UPDATE_STATE, &state.to_json());
    if let Some(metadata) = &update.metadata_patch {
        patch.metadata(metadata);
    }
}

fn change(
    pod: &Pod,
    container: &Container,
    update: &Update,
    options: &Options,
    state: &mut InPlaceUpdateState,
    patch: &mut PodPatch,
) {
    let name = container.name.as_str();
    if let Some(image) = update.images.get(name) {
        patch.image(name, image);
        remember_image(pod, name, state);
    }
    if let Some(metadata) = update.ref_metadata.get(name) {
        patch.ref_metadata(metadata);
    }
    if let Some(resources) = update
        .resources
        .get(name)
        .and_then(|resources| resources.patch(container))
    {
        if options.resize_subresource {
            patch.resize(name, resources);
        } else {
            patch.resources(name, resources);
        }
    }
}

fn postpone(container: &str, update: &Update, state: &mut InPlaceUpdateState) {
    if let Some(image) = update.images.get(container) {
        state
            .next_container_images
            .insert(container.to_owned(), image.clone());
    }
    if let Some(metadata) = update.ref_metadata.get(container) {
        state
            .next_container_ref_metadata
            .insert(container.to_owned(), metadata.clone());
    }
    if let Some(resources) = update.resources.get(container) {
        state
            .next_container_resources
            .insert(container.to_owned(), resources.clone());
    }
}

fn concerns(update: &Update, container: &str) -> bool {
    update.images.contains_key(container)
        || update.ref_metadata.contains_key(container)
        || update.resources.contains_key(container)
}

/// Names of the containers that change now: those without launch priority and those of the highest,
/// with everyone who reads a label or annotation that thereby changes.
fn present_batch<'a>(pod: &'a Pod, update: &Update) -> BTreeSet<&'a str> {
    let candidates: Vec<(&str, Option<i64>)> = pod
        .spec
        .containers
        .iter()
        .filter(|container| concerns(update, &container.name))
        .map(|container| (container.name.as_str(), launch_priority(container)))
        .collect();
    let highest = candidates
        .iter()
        .filter_map(|(_, priority)| *priority)
        .max();
    let mut batch: BTreeSet<&str> = candidates
        .iter()
        .filter(|(_, priority)| priority.is_none() || *priority == highest)
        .map(|(name, _)| *name)
        .collect();
    loop {
        let before = batch.len();
        for (candidate, _) in &candidates {
            if batch
                .iter()
                .any(|member| share_metadata(update, candidate, member))
            {
                batch.insert(candidate);
            }
        }
        if batch.len() == before {
            return batch;
        }
    }
}

fn share_metadata(update: &Update, a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (update.ref_metadata.get(a), update.ref_metadata.get(b)) else {
        return false;
    };
    a.labels.keys().any(|key| b.labels.contains_key(key))
        || a.annotations
            .keys()
            .any(|key| b.annotations.contains_key(key))
}

/// None without a barrier, or with one that refers to no key (DV-IP8).
fn launch_priority(container: &Container) -> Option<i64> {
    let barrier = container.env.iter().find(|env| env.is_launch_barrier())?;
    let key = &barrier
        .value_from
        .as_ref()?
        .config_map_key_ref
        .as_ref()?
        .key;
    let priority = key.get(2..)?;
    Some(priority.parse().unwrap_or(0))
}

/// An image ID that is remembered already stays: it is the one from before the whole update.
fn remember_image(pod: &Pod, container: &str, state: &mut InPlaceUpdateState) {
    if let Some(status) = pod.container_status(container) {
        state
            .last_container_statuses
            .get_or_insert_default()
            .entry(container.to_owned())
            .or_insert_with(|| LastContainerStatus {
                image_id: status.image_id.as_str().to_owned(),
            });
    }
}

//! One batch of an update: which containers change now, and which wait until these are ready (IP-24 to
//! IP-33).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    patch::PodPatch,
    state::{
        ContainerBatch, InPlaceUpdateState, LastContainerStatus, PreCheckBeforeNext, RefMetadata,
        whole_seconds,
    },
};
use crate::{
    meta::{StringMap, Time},
    pod::{Container, Pod},
    well_known::annotations::INPLACE_UPDATE_STATE,
};

/// What is to be changed in containers, in this batch or in a later one.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    /// Images, by container.
    pub(super) images: StringMap,
    /// Labels and annotations, by the container that reads them.
    pub(super) ref_metadata: BTreeMap<String, RefMetadata>,
}

impl Items {
    fn concern(&self, container: &str) -> bool {
        self.images.contains_key(container) || self.ref_metadata.contains_key(container)
    }
}

/// Adds the present batch to the patch, and the state that remembers it. `state` is what was known
/// before.
pub(super) fn apply(
    pod: &Pod,
    items: &Items,
    mut state: InPlaceUpdateState,
    now: Time,
    patch: &mut PodPatch,
) {
    state.next_container_images.clear();
    state.next_container_ref_metadata.clear();
    state.next_container_resources.clear();

    let batch = present_batch(pod, items);
    for container in &pod.spec.containers {
        let name = &container.name;
        if let Some(image) = items.images.get(name) {
            if batch.contains(name.as_str()) {
                patch.image(name, image);
                remember_image(pod, name, &mut state);
            } else {
                state
                    .next_container_images
                    .insert(name.clone(), image.clone());
            }
        }
        if let Some(metadata) = items.ref_metadata.get(name) {
            if batch.contains(name.as_str()) {
                metadata
                    .labels
                    .iter()
                    .for_each(|(key, value)| patch.label(key, value));
                metadata
                    .annotations
                    .iter()
                    .for_each(|(key, value)| patch.annotation(key, value));
            } else {
                state
                    .next_container_ref_metadata
                    .insert(name.clone(), metadata.clone());
            }
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
}

/// Names of the containers that change now: those without launch priority and those of the highest,
/// with everyone who reads a label or annotation that thereby changes.
fn present_batch<'a>(pod: &'a Pod, items: &Items) -> BTreeSet<&'a str> {
    let candidates: Vec<(&str, Option<i64>)> = pod
        .spec
        .containers
        .iter()
        .filter(|container| items.concern(&container.name))
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
                .any(|member| share_metadata(items, candidate, member))
            {
                batch.insert(candidate);
            }
        }
        if batch.len() == before {
            return batch;
        }
    }
}

fn share_metadata(items: &Items, a: &str, b: &str) -> bool {
    let (Some(a), Some(b)) = (items.ref_metadata.get(a), items.ref_metadata.get(b)) else {
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
                image_id: status.image_id.clone(),
            });
    }
}

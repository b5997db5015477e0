//! One batch of an update: which containers change now, and which wait until those are ready (IP-24 to
//! IP-33).

use std::collections::{BTreeSet, HashMap};

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

/// Adds the present batch of the update to the patch, together with the state that remembers the batch.
/// `state` is the state before.
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
            change(container, update, options, patch);
        } else {
            postpone(name, update, &mut state);
        }
    }
    // A resize is a write of its own, and each write of the spec counts for the generation.
    let n_writes = 1 + i64::from(!patch.resized.is_empty());
    let generation = pod.metadata.generation;
    let generation = generation.map(|before| before.saturating_add(n_writes));
    for name in batch
        .iter()
        .filter(|name| update.images.contains_key(**name))
    {
        remember_container(pod, name, generation, &mut state);
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

fn change(container: &Container, update: &Update, options: &Options, patch: &mut PodPatch) {
    let name = container.name.as_str();
    if let Some(image) = update.images.get(name) {
        patch.image(name, image);
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

/// Names of the containers that change now: those without a launch priority, those with the highest, and
/// every container that reads a label or annotation which changes with these.
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
    let mut readers = readers(update, candidates.iter().map(|(name, _)| *name));
    let mut members: Vec<&str> = batch.iter().copied().collect();
    while let Some(member) = members.pop() {
        for key in read_by(update, member) {
            let others = readers.remove(&key).into_iter().flatten();
            members.extend(others.filter(|other| batch.insert(other)));
        }
    }
    batch
}

/// The containers that read each changed label or annotation, by its key and whether it is a label.
fn readers<'u, 'p>(
    update: &'u Update,
    containers: impl Iterator<Item = &'p str>,
) -> HashMap<(bool, &'u str), Vec<&'p str>> {
    let mut readers: HashMap<_, Vec<&str>> = HashMap::new();
    for container in containers {
        for key in read_by(update, container) {
            readers.entry(key).or_default().push(container);
        }
    }
    readers
}

fn read_by<'a>(update: &'a Update, container: &str) -> impl Iterator<Item = (bool, &'a str)> {
    let metadata = update.ref_metadata.get(container);
    metadata.into_iter().flat_map(|metadata| {
        let labels = metadata.labels.keys().map(|key| (true, key.as_str()));
        let annotations = metadata.annotations.keys();
        labels.chain(annotations.map(|key| (false, key.as_str())))
    })
}

/// The container's launch priority. None without a launch barrier, and with a barrier that refers to no key
/// (DV-IP8).
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

/// Remembers what a container runs whose image changes now. An image ID that is remembered already stays:
/// it is from before the whole update. The identity is always that of the present container, which is the
/// one to be replaced (DV-IP13).
fn remember_container(
    pod: &Pod,
    container: &str,
    generation: Option<i64>,
    state: &mut InPlaceUpdateState,
) {
    let Some(status) = pod.container_status(container) else {
        return;
    };
    let last = state
        .last_container_statuses
        .get_or_insert_default()
        .entry(container.to_owned())
        .or_insert_with(|| LastContainerStatus {
            image_id: status.image_id.as_str().to_owned(),
            ..LastContainerStatus::default()
        });
    last.container_id = status.container_id.to_string();
    last.generation = generation;
}

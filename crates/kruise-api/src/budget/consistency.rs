//! Whether a pod serves, and whether what runs in it is what its spec says (PB-29 to PB-31).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    inplace::{self, Completion},
    meta::{map, null_as_default},
    pod::Pod,
    read::PodUnavailableBudget,
    text::Text,
    well_known::{
        annotations::{SIDECARSET_INJECTED_LIST, SIDECARSET_INPLACE_UPDATE_STATE},
        labels::UNAVAILABLE_POD_PREFIX,
    },
};

/// Whether the pod serves (PB-29). How long it has been ready plays no role.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    pod.status.phase == "Running"
        && pod.is_ready()
        && !pod.metadata.is_terminating()
        && !has_unavailable_label(pod)
}

/// Whether a label makes the pod count as not ready, whatever its value.
fn has_unavailable_label(pod: &Pod) -> bool {
    let mut keys = pod.metadata.labels.keys();
    keys.any(|key| key.as_str().starts_with(UNAVAILABLE_POD_PREFIX))
}

/// Whether the pod is known to run what its spec says (PB-30).
#[must_use]
pub fn is_consistent(pod: &Pod, options: &inplace::Options) -> bool {
    let containers = &pod.spec.containers;
    let with_digest = || containers.iter().filter(|it| digest(&it.image).is_some());
    if !with_digest().all(|container| {
        let status = pod.container_status(&container.name);
        status.is_some_and(|status| runs(&status.image_id, &container.image))
    }) {
        return false;
    }
    // A digest names one image only. If every container has one, nothing else need be asked.
    with_digest().count() == containers.len()
        || (sidecars_are_consistent(pod)
            && !matches!(
                inplace::completion(pod, options),
                Completion::Waiting { .. }
            ))
}

/// Whether the pod counts as available for its budget (PB-31).
#[must_use]
pub fn is_available(pod: &Pod, budget: &PodUnavailableBudget, options: &inplace::Options) -> bool {
    pod.is_active()
        && is_ready(pod)
        && is_consistent(pod, options)
        && !budget.has_recorded(&pod.metadata.name)
}

fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

/// Whether an image ID that a runtime reports stands for this image, which has a digest. Repositories are
/// compared as they are written.
fn runs(image_id: &str, image: &str) -> bool {
    let image_id = image_id
        .split_once("://")
        .map_or(image_id, |(_, without_scheme)| without_scheme);
    let (repository, tag) = repository_and_tag(image);
    let (running_repository, running_tag) = repository_and_tag(image_id);
    repository == running_repository
        && match digest(image_id) {
            Some(running) => digest(image) == Some(running),
            None => tag == running_tag,
        }
}

fn repository_and_tag(image: &str) -> (&str, &str) {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    // A colon before the last slash belongs to the registry's port.
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, ""),
    }
}

/// What a SidecarSet notes when it updates containers in place (SS-244).
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SidecarUpdate {
    #[serde(deserialize_with = "map")]
    last_container_statuses: BTreeMap<String, LastStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LastStatus {
    #[serde(rename = "imageID", deserialize_with = "null_as_default")]
    image_id: String,
}

/// Whether no injected container still runs the image that it had before its last update (PB-30.3).
fn sidecars_are_consistent(pod: &Pod) -> bool {
    let annotation = |key| pod.metadata.annotations.get(key).map_or("", Text::as_str);
    let mut sets: Vec<&str> = annotation(SIDECARSET_INJECTED_LIST)
        .split(',')
        .filter(|name| !name.is_empty())
        .collect();
    let has_injected = pod.spec.containers.iter().any(|it| it.is_injected());
    let state = pod
        .metadata
        .annotations
        .get(SIDECARSET_INPLACE_UPDATE_STATE);
    let (false, true, Some(state)) = (sets.is_empty(), has_injected, state) else {
        return true;
    };
    let Ok(updates) = serde_json::from_str::<BTreeMap<String, SidecarUpdate>>(state) else {
        return false;
    };
    sets.sort_unstable();
    let last: BTreeMap<&str, &str> = sets
        .into_iter()
        .filter_map(|set| updates.get(set))
        .flat_map(|update| &update.last_container_statuses)
        .map(|(container, last)| (container.as_str(), last.image_id.as_str()))
        .collect();
    pod.status.container_statuses.iter().all(|status| {
        let container = pod.container(&status.name).filter(|it| it.is_injected());
        let still_runs = last.get(status.name.as_str()) == Some(&status.image_id.as_str());
        !(still_runs && container.is_some_and(|container| container.image != status.image))
    })
}

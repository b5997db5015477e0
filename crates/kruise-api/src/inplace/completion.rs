//! Whether the containers of a pod run what the last update in place asked for (IP-45 to IP-52).

use serde::Deserialize;

use super::{
    Options, hashes, restart,
    state::{self, InPlaceUpdateState},
};
use crate::{
    meta::{list, null_as_default},
    pod::{Container, ContainerId, Pod},
    text::Text,
    well_known::annotations,
};

/// How far the last update in place of a pod got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// The pod was never updated in place.
    NotUpdating,
    /// Everything was applied and runs.
    Complete,
    /// The update is not complete.
    Waiting {
        /// What is missing.
        why: String,
    },
}

/// How far the last update in place of this pod got. There is no time-out: a pod whose image can't be
/// pulled waits until another update.
#[must_use]
pub fn completion(pod: &Pod, options: &Options) -> Completion {
    let waiting = |why: &str| Completion::Waiting {
        why: why.to_owned(),
    };
    if state::grace_text(pod).is_some() {
        return waiting("the grace period is not over");
    }
    let state = match InPlaceUpdateState::of(pod) {
        Ok(Some(state)) => state,
        Ok(None) => return Completion::NotUpdating,
        Err(error) => return waiting(&format!("its state can't be read: {error}")),
    };
    if state.has_pending() {
        return waiting("further containers are to be updated");
    }
    match applied_batches_run(pod, &state, options) {
        Ok(()) => Completion::Complete,
        Err(why) => Completion::Waiting { why },
    }
}

/// Whether everything applied so far runs; if not, what is missing.
pub(super) fn applied_batches_run(
    pod: &Pod,
    state: &InPlaceUpdateState,
    options: &Options,
) -> Result<(), String> {
    let meta = RuntimeMeta::of(pod)?;
    if state.update_env_from_metadata {
        let meta = meta
            .as_ref()
            .ok_or("the node daemon has not reported its containers")?;
        if let Some(container) = pod.spec.containers.iter().find(|container| {
            !meta.is_consistent(pod, container, |hashes| {
                hashes.extracted_env_from_metadata_hash == hashes::env_from_metadata(container, pod)
            })
        }) {
            return Err(format!(
                "container {} has not got its environment yet",
                container.name
            ));
        }
    }
    if state.update_resources && options.vertical_scaling {
        resources_in_effect(pod)?;
    }
    // A fresh report of the node daemon is proof. A missing or old report proves nothing.
    let proven = meta.is_some_and(|meta| {
        pod.spec.containers.iter().all(|container| {
            meta.is_consistent(pod, container, |hashes| {
                hashes::is_plain(container, hashes.plain_hash)
            })
        })
    });
    if proven {
        Ok(())
    } else {
        images_changed(pod, state)
    }
}

/// Whether the resources of all containers are in effect, sidecars included (IP-48). The kubelet's
/// conditions about a resize are not looked at.
fn resources_in_effect(pod: &Pod) -> Result<(), String> {
    let missing = pod.spec.containers.iter().find(|container| {
        pod.container_status(&container.name)
            .and_then(|status| status.resources)
            != Some(container.resources_digest())
    });
    match missing {
        Some(container) => Err(format!(
            "the resources of container {} are not in effect yet",
            container.name
        )),
        None if pod.status.container_statuses.len() != pod.spec.containers.len() => {
            Err("there is not one status for each container".to_owned())
        }
        None => Ok(()),
    }
}

/// Whether the containers whose images were changed run their new images; if not, what is missing. An
/// unchanged image ID is accepted when the status names the wanted image: the new tag then names the same
/// image, or the image was rolled back before the kubelet acted. Some runtimes name another tag of that
/// image. Because of them the container itself is looked at as well (DV-IP13).
fn images_changed(pod: &Pod, state: &InPlaceUpdateState) -> Result<(), String> {
    for (name, last) in state.last_container_statuses.iter().flatten() {
        let Some(status) = pod.container_status(name) else {
            return Err(format!("container {name} has no status"));
        };
        let Some(container) = pod.container(name) else {
            continue;
        };
        let runs_it = status.image_id != last.image_id
            || with_tag(&container.image) == status.image
            || restart::is_done(pod, state, name, last, status);
        if !runs_it {
            let image = &container.image;
            return Err(format!(
                "container {name} has not been started again with image {image}: it still runs {}",
                status.image
            ));
        }
    }
    Ok(())
}

fn with_tag(image: &str) -> String {
    if image.contains(':') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// What the node daemon reports of the running containers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RuntimeMeta {
    #[serde(deserialize_with = "list")]
    containers: Vec<RuntimeContainer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RuntimeContainer {
    name: Text,
    #[serde(rename = "containerID")]
    container_id: ContainerId,
    #[serde(deserialize_with = "null_as_default")]
    hashes: RuntimeHashes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RuntimeHashes {
    #[serde(deserialize_with = "null_as_default")]
    plain_hash: u64,
    #[serde(deserialize_with = "null_as_default")]
    extracted_env_from_metadata_hash: u64,
}

impl RuntimeMeta {
    fn of(pod: &Pod) -> Result<Option<Self>, String> {
        let text = pod
            .metadata
            .annotations
            .get(annotations::RUNTIME_CONTAINERS_META);
        text.map(|text| serde_json::from_str(text))
            .transpose()
            .map_err(|error| format!("the node daemon's report can't be read: {error}"))
    }

    /// Whether the report is about the container that runs now, and has the wanted hash of it.
    fn is_consistent(
        &self,
        pod: &Pod,
        container: &Container,
        hash_matches: impl Fn(&RuntimeHashes) -> bool,
    ) -> bool {
        let reported = self
            .containers
            .iter()
            .rfind(|reported| reported.name == container.name);
        match (pod.container_status(&container.name), reported) {
            (Some(status), Some(reported)) => {
                status.container_id == reported.container_id && hash_matches(&reported.hashes)
            }
            _ => false,
        }
    }
}

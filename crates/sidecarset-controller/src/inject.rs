//! Puts the containers of SidecarSets into a pod that is to be created: a pure function from the pod as it came to the pod
//! as it is to be (SS-112 to SS-136, SS-150 to SS-162). The pod stays raw JSON, so that what nobody here knows is in it still.
//!
//! The API server may ask more than once, with what other webhooks made of the pod in between (PF-908, PF-909). So a
//! SidecarSet whose containers are there already, in this version, adds nothing.

mod containers;
mod env;
mod error;
mod list;
mod mounts;
mod pod;
mod records;
mod resources;
mod volumes;

pub use error::{InjectError, ResourcesError};

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::meta::Time;
use serde_json::Value;

use crate::{
    prepared::PreparedSidecarSet,
    record::{HashRecord, injected},
};
use list::{Sidecar, placed, with_missing};
use pod::Pod;
use records::Records;

/// What injection depends on besides the pod and the SidecarSets.
#[derive(Debug, Clone, Copy)]
pub struct InjectOptions {
    /// What time it is.
    pub now: Time,
    /// Whether containers are put in the order of their names: gate `EnableSortSidecarContainerByName` (SS-131).
    pub sort_containers_by_name: bool,
}

/// The pod with what these SidecarSets give it, which all match it, in this order.
///
/// # Errors
///
/// When the pod can't get what it should. Then it is not to be created (SS-289).
pub fn inject(
    pod: &Value,
    sidecar_sets: &[Arc<PreparedSidecarSet>],
    options: InjectOptions,
) -> Result<Value, InjectError> {
    let mut pod = Pod::read(pod)?;
    let is_missing = |set: &&Arc<PreparedSidecarSet>| !is_there(set, &pod);
    let missing: Vec<&PreparedSidecarSet> = sidecar_sets
        .iter()
        .filter(is_missing)
        .map(AsRef::as_ref)
        .collect();
    for set in &missing {
        pod.patch_annotations(set)?;
    }
    let mut found = Found::default();
    // Of these no container counts as the pod's own, whether it is there already or not.
    let names = names_in_pods(sidecar_sets);
    for set in &missing {
        found.take(set, &pod, &names)?;
    }
    // SS-134
    if found.init_containers.is_empty() && found.containers.is_empty() {
        return Ok(pod.changed());
    }
    found.sort(options.sort_containers_by_name);
    let mut records = Records::read(&pod)?;
    for set in &missing {
        records.put(set, options.now);
    }
    Ok(found.put_into(pod, &records))
}

/// Whether the pod has all containers of a SidecarSet in this version (PF-909). That the annotations say so is not enough: a
/// pod that was made from another one's manifest may have its annotations alone.
fn is_there(set: &PreparedSidecarSet, pod: &Pod<'_>) -> bool {
    let is_listed = injected(pod.injected_list()).any(|name| name == set.name);
    let is_recorded = || {
        let record = HashRecord::parse(pod::HASH, pod.annotation(pod::HASH));
        record.is_ok_and(|record| record.hash_of(&set.name) == Some(&set.hash))
    };
    let has_containers = || {
        let names = set.all_containers().flat_map(records::names_in_pod);
        names.into_iter().all(|name| pod.has_container(&name))
    };
    is_listed && is_recorded() && has_containers()
}

/// Names that the SidecarSets' containers have, alone and as twins.
fn names_in_pods(sidecar_sets: &[Arc<PreparedSidecarSet>]) -> BTreeSet<String> {
    let containers = sidecar_sets.iter().flat_map(|set| set.all_containers());
    containers
        .flat_map(|container| {
            let names = records::names_in_pod(container);
            names.into_iter().chain([container.name.clone()])
        })
        .collect()
}

/// What the pod is to get.
#[derive(Default)]
struct Found {
    init_containers: Vec<Sidecar>,
    containers: Vec<Sidecar>,
    volumes: Vec<Value>,
    image_pull_secrets: Vec<Value>,
}

impl Found {
    /// Builds what a SidecarSet gives to the pod. All is built from the pod as it was before any of it came in.
    fn take(
        &mut self,
        set: &PreparedSidecarSet,
        pod: &Pod<'_>,
        names: &BTreeSet<String>,
    ) -> Result<(), InjectError> {
        for container in &set.init_containers {
            let sidecars = containers::build(set, container, pod, names)?;
            self.init_containers.extend(sidecars);
        }
        for container in &set.containers {
            let sidecars = containers::build(set, container, pod, names)?;
            self.containers.extend(sidecars);
        }
        for container in set.all_containers() {
            self.volumes.extend(volumes::used(set, container));
        }
        let secrets = set.image_pull_secrets.iter().cloned();
        self.image_pull_secrets.extend(secrets);
        Ok(())
    }

    /// SS-130, SS-131
    fn sort(&mut self, sort_containers: bool) {
        self.init_containers.sort_by(|a, b| a.name.cmp(&b.name));
        if sort_containers {
            self.containers.sort_by(|a, b| a.name.cmp(&b.name));
        }
    }

    fn put_into(self, pod: Pod<'_>, records: &Records) -> Value {
        let Self {
            init_containers,
            containers,
            volumes,
            image_pull_secrets,
        } = self;
        let lists = [
            (
                "initContainers",
                placed(pod.init_containers(), init_containers),
            ),
            ("containers", placed(pod.containers(), containers)),
            ("volumes", with_missing(pod.volumes(), volumes)),
            // The pod's own are deduplicated, too (SS-133).
            (
                "imagePullSecrets",
                with_missing(
                    &[],
                    [pod.image_pull_secrets().to_vec(), image_pull_secrets].concat(),
                ),
            ),
        ];
        pod.changed_to(lists, records.annotations())
    }
}

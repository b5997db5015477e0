//! What a pod's annotations record of what was injected into it (SS-121, SS-135, SS-136).

use std::collections::BTreeMap;

use kruise_api::{
    meta::Time,
    well_known::annotations::{
        SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE, SIDECARSET_INJECTED_LIST,
        SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
    },
};

use super::pod::Pod;
use crate::{
    prepared::{PreparedContainer, PreparedSidecarSet},
    record::{HashRecord, RecordError, SidecarSetUpgradeSpec, Twin, WorkingRecord, injected_with},
};

/// Version of the twin that works from the beginning.
const FIRST_VERSION: &str = "1";
/// Version of the twin that is idle.
const NO_VERSION: &str = "0";

/// What is to be recorded.
pub(super) struct Records {
    injected: String,
    hashes: HashRecord,
    hashes_without_image: HashRecord,
    working: WorkingRecord,
    /// Versions of twins, by key of the annotation.
    versions: BTreeMap<String, String>,
}

/// The names that a container has in a pod: one, or those of its twins.
pub(super) fn names_in_pod(container: &PreparedContainer) -> Vec<String> {
    match container.idle_image {
        Some(_) => Twin::BOTH.map(|twin| twin.name(&container.name)).into(),
        None => vec![container.name.clone()],
    }
}

impl Records {
    /// What is recorded already.
    pub(super) fn read(pod: &Pod<'_>) -> Result<Self, RecordError> {
        let hashes = |key| HashRecord::parse(key, pod.annotation(key));
        Ok(Self {
            injected: pod.injected_list().to_owned(),
            hashes: hashes(SIDECARSET_HASH)?,
            hashes_without_image: hashes(SIDECARSET_HASH_WITHOUT_IMAGE)?,
            working: WorkingRecord::parse(
                pod.annotation(SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER),
            )?,
            versions: BTreeMap::new(),
        })
    }

    /// Records a SidecarSet and its twins.
    pub(super) fn put(&mut self, set: &PreparedSidecarSet, now: Time) {
        self.injected = injected_with(&self.injected, [set.name.as_str()]);
        let entry = SidecarSetUpgradeSpec {
            update_timestamp: Some(now),
            sidecar_set_hash: set.hash_without_image.clone(),
            sidecar_set_name: set.name.clone(),
            sidecar_list: set.sidecar_list.clone(),
            sidecar_set_controller_revision: String::new(),
        };
        self.hashes_without_image.put(entry.clone());
        self.hashes.put(SidecarSetUpgradeSpec {
            sidecar_set_hash: set.hash.clone(),
            sidecar_set_controller_revision: set.revision.clone(),
            ..entry
        });
        let has_twins = |container: &&PreparedContainer| container.idle_image.is_some();
        for container in set.all_containers().filter(has_twins) {
            self.put_twins(&container.name);
        }
    }

    /// The annotations.
    pub(super) fn annotations(&self) -> BTreeMap<String, String> {
        let mut annotations = self.versions.clone();
        let records = [
            (SIDECARSET_INJECTED_LIST, self.injected.clone()),
            (SIDECARSET_HASH, self.hashes.write()),
            (
                SIDECARSET_HASH_WITHOUT_IMAGE,
                self.hashes_without_image.write(),
            ),
        ];
        let has_twins = !self.versions.is_empty();
        let working = has_twins.then(|| {
            (
                SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
                self.working.write(),
            )
        });
        let records = records.into_iter().chain(working);
        annotations.extend(records.map(|(key, value)| (key.to_owned(), value)));
        annotations
    }

    fn put_twins(&mut self, name: &str) {
        self.working.put(name, Twin::First);
        for twin in Twin::BOTH {
            let (own, others) = match twin {
                Twin::First => (FIRST_VERSION, NO_VERSION),
                Twin::Second => (NO_VERSION, FIRST_VERSION),
            };
            self.versions.insert(twin.version_key(name), own.to_owned());
            self.versions
                .insert(twin.version_alt_key(name), others.to_owned());
        }
    }
}

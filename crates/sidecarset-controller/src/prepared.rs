//! What pods get of a SidecarSet, in the form in which it is put into them. This is made once for each change of a
//! SidecarSet, not for each pod.
//!
//! Webhook defaults are applied here in memory (PF-907). So a SidecarSet that was stored without our webhook gives pods the
//! same containers and hashes.

mod container;
mod resources;

pub use container::PreparedContainer;
pub use resources::{PreparedAmount, PreparedResources};

use kruise_api::{
    apps::v1beta1::{SidecarSet, SidecarSetPatchPodMetadata, SidecarSetSpec},
    kinds::sidecarset::{defaults, hash::SidecarSetHashes},
    meta::ObjectMeta,
    text::Text,
    well_known::annotations::{SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE},
};
use serde_json::{Value, json};

use crate::record::sidecar_list;

/// What pods get of a SidecarSet.
#[derive(Debug, Clone)]
pub struct PreparedSidecarSet {
    /// Name of the SidecarSet.
    pub name: String,
    /// Hash of its containers, which pods record.
    pub hash: String,
    /// Hash of its containers without their images, which pods record.
    pub hash_without_image: String,
    /// Name of the ControllerRevision that pods record. Empty if none is known yet.
    pub revision: String,
    /// Names of the containers that pods record (SS-136).
    pub sidecar_list: Vec<String>,
    /// Init containers.
    pub init_containers: Vec<PreparedContainer>,
    /// Containers.
    pub containers: Vec<PreparedContainer>,
    /// Volumes, of which pods get those that are mounted.
    pub volumes: Vec<Value>,
    /// Secrets for pulling images.
    pub image_pull_secrets: Vec<Value>,
    /// Annotations.
    pub patch_pod_metadata: Vec<SidecarSetPatchPodMetadata>,
}

impl PreparedSidecarSet {
    /// The SidecarSet as it is now (SS-106).
    #[must_use]
    pub fn latest(set: &SidecarSet) -> Self {
        let revision = &set.status.latest_revision;
        Self::of(
            &set.metadata.name,
            set.spec.clone(),
            &set.metadata,
            revision,
        )
    }

    /// The SidecarSet of this name with what a ControllerRevision with this metadata recorded of its spec (SS-109).
    #[must_use]
    pub fn restored(name: &str, spec: SidecarSetSpec, revision: &ObjectMeta) -> Self {
        Self::of(name, spec, revision, &revision.name)
    }

    /// `hashed` has the annotations with the hashes, if these were written. They count even where the containers would have
    /// others by now: pods were compared with them so far.
    fn of(name: &str, mut spec: SidecarSetSpec, hashed: &ObjectMeta, revision: &str) -> Self {
        defaults::fill_v1beta1(&mut spec);
        let written = |key: &str| {
            let hash = hashed.annotations.get(key).map(Text::as_str);
            hash.filter(|hash| !hash.is_empty()).map(str::to_owned)
        };
        let (hash, hash_without_image) = match (
            written(SIDECARSET_HASH),
            written(SIDECARSET_HASH_WITHOUT_IMAGE),
        ) {
            (Some(hash), Some(hash_without_image)) => (hash, hash_without_image),
            (hash, hash_without_image) => {
                let hashes = SidecarSetHashes::of(&spec.containers, &spec.init_containers);
                (
                    hash.unwrap_or(hashes.whole),
                    hash_without_image.unwrap_or(hashes.without_image),
                )
            }
        };
        let init_containers = spec.init_containers.iter();
        let volumes = spec.volumes.as_array();
        let secrets = spec.image_pull_secrets.iter();
        Self {
            name: name.to_owned(),
            hash,
            hash_without_image,
            revision: revision.to_owned(),
            sidecar_list: sidecar_list(&spec),
            init_containers: init_containers
                .map(PreparedContainer::init_container)
                .collect(),
            containers: spec
                .containers
                .iter()
                .map(PreparedContainer::container)
                .collect(),
            volumes: volumes.cloned().unwrap_or_default(),
            image_pull_secrets: secrets.map(|secret| json!(secret)).collect(),
            patch_pod_metadata: spec.patch_pod_metadata,
        }
    }

    /// All containers, init containers first.
    pub fn all_containers(&self) -> impl Iterator<Item = &PreparedContainer> {
        self.init_containers.iter().chain(&self.containers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(set: &Value) -> PreparedSidecarSet {
        PreparedSidecarSet::latest(&serde_json::from_value(set.clone()).unwrap())
    }

    const LOGGER: &str = "9wv592wwd6wbcd7zw56fz4456bbxwcx468x9bdc4b4f7966794wwzzw49cv4dzc9";
    const WITHOUT_IMAGE: &str = "54wdczcvf9fwd2bcvz4xw79dc4wzvb882244vbb4w2b6wwxv8b9zddf2752f7x99";

    // SS-A40, PF-907: the hash is that of the defaulted containers, whether a webhook was there or not.
    #[test]
    fn hashes_that_nobody_wrote_are_computed_with_defaults() {
        let set = json!({
            "metadata": { "name": "log" },
            "spec": { "containers": [{ "name": "logger", "image": "registry.example/logger:2.3" }] },
            "status": { "latestRevision": "log-7" },
        });
        let prepared = prepared(&set);
        assert_eq!(prepared.hash, LOGGER);
        assert_eq!(prepared.hash_without_image, WITHOUT_IMAGE);
        assert_eq!(prepared.revision, "log-7");
    }

    // SS-136
    #[test]
    fn written_hashes_count() {
        let prepared = prepared(&json!({
            "metadata": {
                "name": "log",
                "annotations": {
                    "kruise.io/sidecarset-hash": "h",
                    "kruise.io/sidecarset-hash-without-image": "",
                },
            },
            "spec": { "containers": [{ "name": "logger", "image": "registry.example/logger:2.3" }] },
        }));
        assert_eq!(prepared.hash, "h");
        assert_eq!(prepared.hash_without_image, WITHOUT_IMAGE);
    }

    // SS-109: everything comes from the revision but the SidecarSet's name.
    #[test]
    fn a_restored_one_is_that_of_the_revision() {
        // SS-74
        let spec = serde_json::from_value(json!({
            "$patch": "replace",
            "containers": [{ "name": "logger", "image": "registry.example/logger:2.3" }],
            "imagePullSecrets": null, "initContainers": null, "patchPodMetadata": null, "volumes": null,
        }))
        .unwrap();
        let revision = serde_json::from_value(json!({
            "name": "log-6",
            "annotations": { "kruise.io/sidecarset-hash": "then" },
        }))
        .unwrap();
        let prepared = PreparedSidecarSet::restored("log", spec, &revision);
        let hashes = (prepared.hash.as_str(), prepared.hash_without_image.as_str());
        assert_eq!(hashes, ("then", WITHOUT_IMAGE));
        assert_eq!(
            (prepared.name.as_str(), prepared.revision.as_str()),
            ("log", "log-6")
        );
        assert_eq!(prepared.sidecar_list, ["logger"]);
        assert!(prepared.volumes.is_empty() && prepared.image_pull_secrets.is_empty());
        assert!(prepared.patch_pod_metadata.is_empty());
    }
}

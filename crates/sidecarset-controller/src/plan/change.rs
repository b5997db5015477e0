//! What changes in one pod, and how it is written: one patch for images and for all that is recorded (SS-242 to SS-244).

use std::collections::BTreeMap;

use kruise_api::well_known::annotations::{
    SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE, SIDECARSET_INPLACE_UPDATE_STATE,
};
use serde_json::{Map, Value, json};

use super::{
    revision::Latest,
    step::{PodChange, PodRef},
};
use crate::{
    facts::recorded,
    record::{HashRecord, SidecarSetUpgradeSpec, sidecar_list},
    sidecar_pod::SidecarPod,
    snapshot::Snapshot,
};

/// What changes in a pod.
pub(super) struct Change<'a> {
    pub(super) pod: &'a SidecarPod,
    /// Whether a twin gets the image that does nothing.
    pub(super) resets: bool,
    images: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

impl<'a> Change<'a> {
    pub(super) fn of(pod: &'a SidecarPod) -> Self {
        Self {
            pod,
            resets: false,
            images: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// Gives a container this image, if it is there and has another one.
    pub(super) fn set_image(&mut self, container: String, image: &str) {
        let present = self.pod.container(&container);
        if present.is_some_and(|present| present.image != image) {
            self.images.insert(container, image.to_owned());
        }
    }

    pub(super) fn annotate(&mut self, key: String, value: &str) {
        self.annotations.insert(key, value.to_owned());
    }

    /// SS-244
    pub(super) fn record_images(&mut self, snapshot: &Snapshot) {
        let mut record = recorded(self.pod).unwrap_or_default();
        let changed = self.images.keys().map(|container| {
            let status = self.pod.container_status(container);
            let id = status.map_or("", |status| status.image_id.as_str());
            (container.as_str(), id)
        });
        let hash = &snapshot.basis.hashes.whole;
        record.put(snapshot.name(), hash, snapshot.now, changed);
        self.annotate(SIDECARSET_INPLACE_UPDATE_STATE.to_owned(), &record.write());
    }

    /// SS-243
    pub(super) fn record_hash(&mut self, snapshot: &Snapshot, latest: &Latest) {
        let text = self.pod.annotation(SIDECARSET_HASH);
        let mut record = HashRecord::parse(SIDECARSET_HASH, text).unwrap_or_default();
        record.put(SidecarSetUpgradeSpec {
            update_timestamp: Some(snapshot.now),
            sidecar_set_hash: snapshot.basis.hashes.whole.clone(),
            sidecar_set_name: snapshot.name().to_owned(),
            sidecar_list: sidecar_list(snapshot.spec()),
            sidecar_set_controller_revision: latest.name.clone(),
        });
        self.annotate(SIDECARSET_HASH.to_owned(), &record.write());
        let key = SIDECARSET_HASH_WITHOUT_IMAGE;
        let without_image = self.pod.annotation(key);
        if is_legacy(text)
            && is_legacy(without_image)
            && let Ok(record) = HashRecord::parse(key, without_image)
        {
            self.annotate(key.to_owned(), &record.write());
        }
    }

    /// The patch of all this.
    pub(super) fn into_pod_change(self, mark: Option<Value>) -> PodChange {
        let Self {
            pod,
            resets,
            images,
            annotations,
        } = self;
        let mut patch = Map::new();
        let metadata = json!({
            "uid": pod.metadata.uid,
            "resourceVersion": pod.metadata.resource_version,
            "annotations": annotations,
        });
        patch.insert("metadata".to_owned(), metadata);
        if !images.is_empty() {
            let containers = images.into_iter();
            let containers: Vec<Value> = containers
                .map(|(name, image)| json!({ "name": name, "image": image }))
                .collect();
            patch.insert("spec".to_owned(), json!({ "containers": containers }));
        }
        PodChange {
            pod: PodRef::of(pod),
            patch: Value::Object(patch),
            resets,
            mark,
        }
    }
}

/// Whether an annotation has the form in which early versions of OpenKruise wrote it: text to text.
fn is_legacy(annotation: Option<&str>) -> bool {
    let map =
        annotation.and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(text).ok());
    map.is_some_and(|map| !map.is_empty())
}

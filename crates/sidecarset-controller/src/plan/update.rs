//! The update of one pod: images, and what is recorded of them (SS-241 to SS-246). All of it is one patch.

use std::collections::BTreeMap;

use kruise_api::well_known::annotations::{
    SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE, SIDECARSET_INPLACE_UPDATE_STATE,
};
use serde_json::{Map, Value, json};

use super::{
    hot,
    revision::Latest,
    step::{PodChange, PodRef},
};
use crate::{
    conditions,
    facts::recorded,
    pod_annotations::{PatchError, changed_annotations},
    record::{HashRecord, SidecarSetUpgradeSpec, sidecar_list},
    sidecar_pod::SidecarPod,
    sidecars::Upgrade,
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

/// The update of this pod.
///
/// # Errors
/// When an annotation of the pod can't get its value (SS-245).
pub(super) fn update(
    snapshot: &Snapshot,
    pod: &SidecarPod,
    latest: &Latest,
) -> Result<PodChange, PatchError> {
    let mut change = Change::of(pod);
    // First, so that what is recorded below can't be patched away.
    let current = |key: &str| pod.annotation(key);
    change.annotations = changed_annotations(current, &snapshot.spec().patch_pod_metadata)?;
    for sidecar in &snapshot.basis.sidecars.0 {
        // SS-242
        if sidecar.upgrade == Upgrade::Cold {
            change.set_image(sidecar.name.clone(), &sidecar.image);
        }
    }
    hot::upgrade(snapshot, &mut change);
    change.record_hash(snapshot, latest);
    change.record_images(snapshot);
    // A message that can't be read is told of in its place, and keeps no image back.
    let mark = conditions::patch(pod, snapshot.name(), true, snapshot.now);
    Ok(change.into_pod_change(mark.unwrap_or_default()))
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
    fn record_hash(&mut self, snapshot: &Snapshot, latest: &Latest) {
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

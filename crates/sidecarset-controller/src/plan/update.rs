//! The update of one pod: what gets another image, and what is recorded of that (SS-241 to SS-246).

use std::collections::BTreeMap;

use super::{change::Change, hot, revision::Latest, step::PodChange};
use crate::{
    conditions,
    pod_annotations::{PatchError, changed_annotations},
    sidecar_pod::SidecarPod,
    sidecars::Upgrade,
    snapshot::Snapshot,
};

/// What patchPodMetadata changes in this pod.
///
/// # Errors
/// When an annotation of the pod can't get its value (SS-245).
pub(super) fn patched_annotations(
    snapshot: &Snapshot,
    pod: &SidecarPod,
) -> Result<BTreeMap<String, String>, PatchError> {
    let current = |key: &str| pod.annotation(key);
    changed_annotations(current, &snapshot.spec().patch_pod_metadata)
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
    for (key, value) in patched_annotations(snapshot, pod)? {
        change.annotate(key, &value);
    }
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

//! Which of a SidecarSet's volumes a pod gets (SS-120).

use serde_json::Value;

use super::pod::text;
use crate::prepared::{PreparedContainer, PreparedSidecarSet};

/// The volumes that a container itself mounts or has as devices. A name without a volume is left for the API server to
/// judge: the pod may have one of that name (SS-P4).
pub(super) fn used(set: &PreparedSidecarSet, container: &PreparedContainer) -> Vec<Value> {
    let lists = ["volumeMounts", "volumeDevices"].iter();
    let uses = lists.filter_map(|list| container.container.get(*list)?.as_array());
    uses.flatten()
        .filter_map(|used| {
            let mut volumes = set.volumes.iter();
            volumes.find(|volume| text(volume, "name") == text(used, "name"))
        })
        .cloned()
        .collect()
}

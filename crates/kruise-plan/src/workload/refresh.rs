//! What is due for pods whether they are updated or not.

use kruise_api::{pod::Pod, revision, well_known::labels};
use serde_json::json;

use crate::{pod_writes::PodPatch, wait::WaitReason};

/// The kubelet's condition, with reason `Deferred` or `Infeasible`.
const RESIZE_PENDING: &str = "PodResizePending";

/// The kubelet has the new resources before it, and does not grant them: not now, or never on this node.
#[must_use]
pub fn resize_pending(pod: &Pod) -> Option<WaitReason> {
    let condition = pod.condition(RESIZE_PENDING)?;
    (condition.status == "True").then(|| WaitReason::ResizeRefused {
        pod: pod.metadata.name.clone(),
        // Not its message, whose figures change with other pods.
        why: format!("the kubelet says {}", condition.reason),
    })
}

/// CS-80
#[must_use]
pub fn missing_template_hash(pod: &Pod) -> Option<PodPatch> {
    if pod.metadata.labels.contains_key(labels::POD_TEMPLATE_HASH) {
        return None;
    }
    let hash = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH)?;
    let metadata = json!({
        "uid": pod.metadata.uid,
        "labels": { labels::POD_TEMPLATE_HASH: revision::short_hash(hash) },
    });
    Some(PodPatch::of(pod, json!({ "metadata": metadata })))
}

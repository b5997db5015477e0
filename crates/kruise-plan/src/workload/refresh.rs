//! What is due for pods whether they are updated or not.

use kruise_api::pod::Pod;

use crate::wait::WaitReason;

/// The kubelet's condition, with reason `Deferred` or `Infeasible`.
const RESIZE_PENDING: &str = "PodResizePending";

/// Why a resize is pending: the kubelet knows the new resources, and does not grant them now, or never on this node.
#[must_use]
pub fn resize_pending(pod: &Pod) -> Option<WaitReason> {
    let condition = pod.condition(RESIZE_PENDING)?;
    (condition.status == "True").then(|| WaitReason::ResizeRefused {
        pod: pod.metadata.name.clone(),
        // The condition's message is left out, since its figures change with other pods.
        why: format!("the kubelet says {}", condition.reason),
    })
}

//! What is due for pods whether they are updated or not.

use kruise_api::pod::Pod;

use crate::wait::WaitReason;

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

//! Which nodes a pod fits: the rules by which the scheduler and the kubelet decide, as far as they don't ask what else
//! runs on the node. Kinds that put a pod on every node put them together in their own ways (BJ-42, DS-31).

mod affinity;
mod taints;

use kruise_api::{
    pod::Placement,
    quantity::NANOS_PER_UNIT,
    read::{Node, Taint},
};

pub use affinity::selects;
pub use taints::{is_tolerated, tolerates_taints};

/// The taint that a cordoned node gets besides (BJ-42).
const UNSCHEDULABLE_TAINT: &str = "node.kubernetes.io/unschedulable";
/// How many pods a node takes, as one of its resources.
const PODS: &str = "pods";

/// Whether a pod is bound to another node than this one.
#[must_use]
pub fn is_bound_elsewhere(placement: &Placement, node: &Node) -> bool {
    !placement.node_name.is_empty() && placement.node_name != node.metadata.name.as_str()
}

/// Whether the node is open for a pod: it is not cordoned, or the pod tolerates that.
#[must_use]
pub fn is_open(placement: &Placement, node: &Node) -> bool {
    let taint = Taint {
        key: UNSCHEDULABLE_TAINT.into(),
        effect: taints::NO_SCHEDULE.into(),
        ..Taint::default()
    };
    !node.spec.unschedulable || is_tolerated(&placement.tolerations, &taint)
}

/// Whether the node, were it empty, has room for the pod.
#[must_use]
pub fn has_room(placement: &Placement, node: &Node) -> bool {
    let allocatable = &node.status.allocatable;
    allocatable.get(PODS) >= NANOS_PER_UNIT
        && placement
            .requests
            .iter()
            .all(|(resource, amount)| amount <= 0 || amount <= allocatable.get(resource))
}

/// Whether a pod fits a node whatever else runs there (BJ-42).
#[must_use]
pub fn fits(placement: &Placement, node: &Node) -> bool {
    !is_bound_elsewhere(placement, node)
        && selects(placement, node)
        && tolerates_taints(placement, node)
        && is_open(placement, node)
        && has_room(placement, node)
}

#[cfg(test)]
mod tests;

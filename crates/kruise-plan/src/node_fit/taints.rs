//! Taints and tolerations (DS-32, BJ-42).

use kruise_api::{
    pod::{Placement, Toleration},
    read::{Node, Taint},
};

pub(super) const NO_SCHEDULE: &str = "NoSchedule";
const NO_EXECUTE: &str = "NoExecute";

/// Whether the pod tolerates every taint that keeps pods off the node: those with effect NoSchedule or NoExecute.
#[must_use]
pub fn tolerates_taints(placement: &Placement, node: &Node) -> bool {
    let mut taints = node.spec.taints.iter();
    taints.all(|taint| {
        !matches!(taint.effect.as_str(), NO_SCHEDULE | NO_EXECUTE)
            || is_tolerated(&placement.tolerations, taint)
    })
}

/// Whether one of the tolerations is for this taint. For how long plays no role.
#[must_use]
pub fn is_tolerated(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| {
        let Toleration {
            key,
            operator,
            value,
            effect,
        } = toleration;
        let is_value = match operator.as_str() {
            "" | "Equal" => *value == taint.value,
            "Exists" => true,
            _ => false,
        };
        (effect.is_empty() || *effect == taint.effect)
            && (key.is_empty() || *key == taint.key)
            && is_value
    })
}

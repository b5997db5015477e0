//! What the API server refused, in the words of a plan.

use std::time::Duration;

use super::Plan;
use crate::{refused::Asked, snapshot::Snapshot, wait::WaitReason};

/// A refusal goes before all other reasons, and stays until it was asked again.
pub(super) fn tell(snapshot: &Snapshot, plan: &mut Plan) {
    for (refused, left) in snapshot.memory.refused_writes.standing(snapshot) {
        let (pod, why) = (refused.pod.clone(), refused.why.clone());
        plan.waiting_on.push(match refused.asked {
            Asked::Deletion => WaitReason::DeletionRefused { pod, why },
            Asked::Update | Asked::Patch => WaitReason::UpdateRefused { pod, why },
        });
        // Where nobody asks now it is forgotten, and the next pass takes the reason back.
        plan.look_again(left.max(Duration::from_secs(1)));
    }
}

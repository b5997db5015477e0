//! What the API server refused, in the words of a plan.

use std::time::Duration;

use kruise_plan::{Notes, WaitReason, refused::Asked};

use crate::snapshot::Snapshot;

/// A refusal goes before all other reasons, and stays until it was asked again.
pub(super) fn tell(snapshot: &Snapshot, notes: &mut Notes) {
    for (refused, left) in snapshot
        .memory
        .refused_writes
        .standing(&snapshot.owned_pods())
    {
        let (pod, why) = (refused.pod.clone(), refused.why.clone());
        notes.wait(match refused.asked {
            Asked::Deletion => WaitReason::DeletionRefused { pod, why },
            Asked::Update | Asked::Patch => WaitReason::UpdateRefused { pod, why },
        });
        // Where nobody asks now it is forgotten, and the next pass takes the reason back.
        notes.look_again(left.max(Duration::from_secs(1)));
    }
}

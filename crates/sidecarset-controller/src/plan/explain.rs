//! What a SidecarSet waits for, in words.

use kruise_plan::WaitReason;

use crate::facts::Known;

/// Sidecars of a pod that runs do not run their images yet.
pub(super) fn in_flight(known: &Known) -> WaitReason {
    WaitReason::SidecarsInFlight {
        pod: known.pod.full_name(),
        why: why_not_done(known),
    }
}

/// No more pods may become unavailable. `unavailable` is one that is, and `next` the one that would be.
pub(super) fn max_unavailable(unavailable: Option<&Known>, next: &Known) -> WaitReason {
    let (known, why) = match unavailable {
        Some(known) => (known, why_not_done(known)),
        None => (
            next,
            "it is ready, and none may become unavailable".to_owned(),
        ),
    };
    WaitReason::SidecarMaxUnavailableReached {
        pod: known.pod.full_name(),
        why,
    }
}

/// Why the sidecars of a pod are not all that they are to be.
fn why_not_done(known: &Known) -> String {
    let facts = &known.facts;
    if !facts.is_updated {
        return match &facts.in_flight {
            Some(container) => {
                format!("container {container} does not run its image of the last update yet")
            }
            None => "it is being updated".to_owned(),
        };
    }
    if !facts.is_consistent {
        "its sidecars do not run their new images yet".to_owned()
    } else if facts.in_hot_upgrade {
        "the new one of two containers does not serve yet".to_owned()
    } else {
        "it is not ready".to_owned()
    }
}

/// What an updated pod whose sidecars are not done waits for.
pub(super) fn not_done(known: &Known) -> Option<WaitReason> {
    let facts = &known.facts;
    // That a pod is not ready for another cause is no matter of the SidecarSet.
    let is_open = facts.is_updated && (!facts.is_consistent || facts.in_hot_upgrade);
    is_open.then(|| in_flight(known))
}

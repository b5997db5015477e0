//! The status: what was counted before anything is done (SS-270 to SS-272). A settled SidecarSet is never written.

use kruise_api::apps::v1beta1::SidecarSetStatus;
use serde_json::json;

use super::{revision::Latest, step::Step};
use crate::{facts::Known, snapshot::Snapshot};

/// The write of the status; none if it says what is stored already (SS-271).
pub(super) fn report(snapshot: &Snapshot, matched: &[&Known], latest: &Latest) -> Option<Step> {
    let stored = &snapshot.sidecar_set.status;
    let count = |is_counted: &dyn Fn(&Known) -> bool| {
        let counted = matched.iter().filter(|known| is_counted(known));
        number(counted.count())
    };
    let is_ready = |known: &Known| known.facts.is_consistent && known.facts.is_ready;
    let counted = SidecarSetStatus {
        observed_generation: snapshot.metadata().generation.unwrap_or(0),
        matched_pods: number(matched.len()),
        updated_pods: count(&|known| known.facts.is_updated),
        ready_pods: count(&is_ready),
        updated_ready_pods: count(&|known| known.facts.is_updated && is_ready(known)),
        latest_revision: latest.name.clone(),
        collision_count: Some(latest.collision_count),
        unknown: stored.unknown.clone(),
    };
    // An API server that was restored from a backup may know a generation that is lower than the one reported.
    let is_old = counted.observed_generation <= stored.observed_generation;
    let unchanged = SidecarSetStatus {
        observed_generation: stored.observed_generation,
        ..counted.clone()
    };
    if is_old && unchanged == *stored {
        return None;
    }
    let SidecarSetStatus {
        observed_generation,
        matched_pods,
        updated_pods,
        ready_pods,
        updated_ready_pods,
        latest_revision,
        collision_count,
        unknown: _,
    } = counted;
    Some(Step::PatchStatus {
        patch: json!({
            "metadata": {
                "uid": snapshot.metadata().uid,
                "resourceVersion": snapshot.metadata().resource_version,
            },
            "status": {
                "observedGeneration": observed_generation,
                "matchedPods": matched_pods,
                "updatedPods": updated_pods,
                "readyPods": ready_pods,
                "updatedReadyPods": updated_ready_pods,
                "latestRevision": latest_revision,
                "collisionCount": collision_count,
            },
        }),
    })
}

/// A count, as statuses have them.
pub(super) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

//! Whether the kubelet has started a container anew because its image was changed (DV-IP13). Where two tags
//! name one image, nothing else in the pod's status tells the old container from the new one, unless a node
//! daemon reports.

use jiff::SignedDuration;

use super::state::{InPlaceUpdateState, LastContainerStatus};
use crate::{
    meta::{Time, whole_seconds},
    pod::{ContainerStatus, Pod},
};

/// How far the clock of a node may be from that of the process that began the update.
// If this is too little, a pod on a node with a slow clock stays out of service for ever. Too much does
// little harm: a container from before the update is known by its identity as well.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// Whether the container that is there now was started because of the update.
pub(super) fn is_done(
    pod: &Pod,
    state: &InPlaceUpdateState,
    name: &str,
    last: &LastContainerStatus,
    status: &ContainerStatus,
) -> bool {
    let (Some(started), Some(changed)) = (status.started_at(), changed_at(state, name)) else {
        return false;
    };
    // On the wire both have lost their fraction of a second.
    let (started, changed) = (whole_seconds(started), whole_seconds(changed));
    let was_told = pod.status.observed_generation.is_some();
    is_observed(pod, last)
        && if last.container_id.is_empty() {
            // OpenKruise wrote the state, which has no identity. Where the kubelet tells no generation, a
            // container that was started in the second of the change may be older than the change.
            started > changed || (was_told && started == changed)
        } else {
            let apart = if was_told {
                CLOCKS_APART
            } else {
                SignedDuration::ZERO
            };
            status.container_id != last.container_id.as_str().into()
                && changed.duration_since(started) <= apart
        }
}

/// The state with the identities of the containers that were started anew before the kubelet knew of the
/// update. Their predecessors crashed, so these containers are the ones to be replaced now. None when there
/// are no such containers.
pub(super) fn with_crashed(pod: &Pod, state: &InPlaceUpdateState) -> Option<InPlaceUpdateState> {
    let mut state = state.clone();
    let mut is_changed = false;
    for (name, last) in state.last_container_statuses.iter_mut().flatten() {
        let Some(status) = pod.container_status(name) else {
            continue;
        };
        let has_crashed = !last.container_id.is_empty()
            && !status.container_id.is_empty()
            && status.container_id != last.container_id.as_str().into()
            && !is_observed(pod, last);
        if has_crashed {
            last.container_id = status.container_id.to_string();
            is_changed = true;
        }
    }
    is_changed.then_some(state)
}

/// Whether the kubelet has seen the container's new image. A kubelet that doesn't tell counts as having
/// seen it. Later changes of the pod are not waited for.
fn is_observed(pod: &Pod, last: &LastContainerStatus) -> bool {
    let Some(observed) = pod.status.observed_generation else {
        return true;
    };
    let present = pod.metadata.generation.unwrap_or(0);
    observed >= last.generation.unwrap_or(present).min(present)
}

/// When the container's image was changed: with its batch, which may be long after the update began.
fn changed_at(state: &InPlaceUpdateState, name: &str) -> Option<Time> {
    let batches = state.container_batches_record.iter().rev();
    let mut batches = batches.filter(|batch| batch.containers.iter().any(|it| it == name));
    let batch = batches.next().and_then(|batch| batch.timestamp);
    batch.or(state.update_timestamp)
}

//! When a pod counts as ready and as available (CS-44).

use jiff::SignedDuration;

use crate::{
    inplace::lifecycle,
    meta::Time,
    pod::Pod,
    well_known::{
        conditions::{IN_PLACE_UPDATE_READY, READY},
        lifecycle_states::NORMAL,
    },
};

/// Whether the pod runs, has been ready for longer than `min_ready_seconds`, and is not being updated
/// in place. The lifecycle state does not matter.
#[must_use]
pub fn is_update_ready(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    pod.status.phase == "Running"
        && pod.is_ready()
        && pod
            .condition(IN_PLACE_UPDATE_READY)
            .is_none_or(|condition| condition.status == "True")
        && (min_ready_seconds == 0
            || ready_for(pod, min_ready_seconds).is_some_and(|passed| passed < now))
}

/// Whether the pod is available: update-ready for `min_ready_seconds`, and its lifecycle state is
/// absent or Normal.
#[must_use]
pub fn is_available(pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
    is_normal(pod) && is_update_ready(pod, min_ready_seconds, now)
}

/// The first moment at which a pod that is ready now counts as available, if nothing changes. The moment
/// may have passed. None when the pod is not ready, when it is not in state Normal, or when nothing tells
/// since when it is ready.
#[must_use]
pub fn available_at(pod: &Pod, min_ready_seconds: i32) -> Option<Time> {
    if !is_normal(pod) || !is_update_ready(pod, 0, Time::MIN) {
        return None;
    }
    let passed = ready_for(pod, min_ready_seconds)?;
    if min_ready_seconds == 0 {
        return Some(passed);
    }
    // Available only after the seconds have passed, not at that very moment.
    passed.checked_add(SignedDuration::from_nanos(1)).ok()
}

fn is_normal(pod: &Pod) -> bool {
    matches!(lifecycle::state(pod), "" | NORMAL)
}

/// The moment from which on the pod has been ready for this many seconds.
fn ready_for(pod: &Pod, seconds: i32) -> Option<Time> {
    let since = pod.condition(READY)?.last_transition_time?;
    since
        .checked_add(SignedDuration::from_secs(i64::from(seconds)))
        .ok()
}

//! Whether a node daemon is there that restarts containers whose environment changes (DV-IP12).

use jiff::SignedDuration;

use crate::{
    meta::Time,
    pod::Pod,
    well_known::{annotations::RUNTIME_CONTAINERS_META, conditions::CONTAINERS_READY},
};

/// What is known of the node daemon's report about a pod. Without the report no change of the environment
/// completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonReport {
    /// The report is there.
    Counted,
    /// The pod does not run yet, so no report can be there. The reports about other pods tell more.
    NotYet,
    /// The report may still come.
    Awaited {
        /// Time left, in whole seconds, at least 1.
        seconds: i64,
    },
    /// The report does not come: no daemon reports from the pod's node.
    Missing,
}

/// How long a report may take. A daemon reports within a second of a container's start; the rest leaves it
/// time to be restarted itself.
const REPORTS_WITHIN: SignedDuration = SignedDuration::from_secs(10);

/// Whether the node daemon's report about this pod can be counted on.
#[must_use]
pub fn daemon_report(pod: &Pod, now: Time) -> DaemonReport {
    if pod
        .metadata
        .annotations
        .contains_key(RUNTIME_CONTAINERS_META)
    {
        return DaemonReport::Counted;
    }
    if pod.status.phase != "Running" {
        return DaemonReport::NotYet;
    }
    let since = pod
        .condition(CONTAINERS_READY)
        .and_then(|condition| condition.last_transition_time)
        .or(pod.metadata.creation_timestamp);
    let left = since
        .and_then(|since| since.checked_add(REPORTS_WITHIN).ok())
        .map(|end| whole_seconds_up(end.duration_since(now)));
    match left {
        Some(seconds) if seconds > 0 => DaemonReport::Awaited { seconds },
        _ => DaemonReport::Missing,
    }
}

/// Rounded up; 0 when nothing is left.
pub(super) fn whole_seconds_up(left: SignedDuration) -> i64 {
    if left <= SignedDuration::ZERO {
        return 0;
    }
    left.as_secs() + i64::from(left.subsec_nanos() > 0)
}

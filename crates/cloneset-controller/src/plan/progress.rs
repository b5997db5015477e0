//! Condition Progressing (CS-120 to CS-122, DV-CS8).

use std::time::Duration;

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::{CloneSetCondition, CloneSetStatus},
    meta::Time,
    well_known::conditions::PROGRESSING,
};

use kruise_plan::conditions;

use super::spec::Spec;

const AVAILABLE: &str = "CloneSetAvailable";
const PAUSED: &str = "CloneSetPaused";
const PARTITION_AVAILABLE: &str = "ProgressPartitionAvailable";
const UPDATED: &str = "CloneSetUpdated";
const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// What clients show and compare (CS-120).
fn message(reason: &str, revision: &str) -> String {
    match reason {
        AVAILABLE => "CloneSet is available".to_owned(),
        PAUSED => "CloneSet is paused".to_owned(),
        PARTITION_AVAILABLE => "CloneSet has been paused due to partition ready".to_owned(),
        DEADLINE_EXCEEDED => format!("CloneSet revision {revision} has timed out progressing"),
        _ => "CloneSet is progressing".to_owned(),
    }
}

/// Sets or removes the condition, and says when the deadline is due.
pub(super) fn apply(
    spec: &Spec,
    stored: &CloneSetStatus,
    status: &mut CloneSetStatus,
    now: Time,
) -> Option<Duration> {
    let Some(deadline) = spec.progress_deadline_seconds else {
        status
            .conditions
            .retain(|condition| condition.type_ != PROGRESSING);
        return None;
    };
    let deadline = SignedDuration::from_secs(i64::from(deadline));
    // Not `+`, which panics: the stored time is whatever somebody wrote.
    let due = |since: Time| since.saturating_add(deadline).unwrap_or(since);
    let present = stored
        .conditions
        .iter()
        .find(|condition| condition.type_ == PROGRESSING);
    let settled = settled_reason(spec, status);
    let progressed = settled.is_none() && has_progressed(stored, status, present);
    let last_update = present.and_then(|condition| condition.last_update_time);
    let exceeded = present.is_some_and(|condition| {
        condition.reason == DEADLINE_EXCEEDED || last_update.is_some_and(|last| due(last) < now)
    });
    let (reason, state) = match settled {
        Some(reason) => (reason, "True"),
        None if progressed => (UPDATED, "True"),
        None if exceeded => (DEADLINE_EXCEEDED, "False"),
        None => (UPDATED, "True"),
    };
    conditions::set(
        &mut status.conditions,
        CloneSetCondition {
            type_: PROGRESSING.to_owned(),
            status: state.to_owned(),
            reason: reason.to_owned(),
            message: message(reason, &status.update_revision),
            last_update_time: Some(now),
            last_transition_time: Some(now),
            ..CloneSetCondition::default()
        },
    );
    // CS-120, case 4
    if progressed
        && let Some(condition) = status
            .conditions
            .iter_mut()
            .find(|condition| condition.type_ == PROGRESSING)
    {
        condition.last_update_time = Some(now);
    }
    if reason != UPDATED {
        return None;
    }
    let since = if progressed {
        now
    } else {
        last_update.unwrap_or(now)
    };
    let left = due(since).duration_since(now);
    // CS-121: a second more, so that the deadline has passed when we look.
    let left = if left >= SignedDuration::from_secs(1) {
        left + SignedDuration::from_secs(1)
    } else {
        left
    };
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

/// CS-120, cases 1 to 3.
fn settled_reason(spec: &Spec, status: &CloneSetStatus) -> Option<&'static str> {
    let all = spec.replicas;
    if status.current_revision == status.update_revision
        && status.replicas == all
        && status.updated_replicas == all
        && status.updated_available_replicas == all
    {
        Some(AVAILABLE)
    } else if spec.paused {
        Some(PAUSED)
    } else if status.expected_updated_replicas < all
        && status.expected_updated_replicas <= status.updated_available_replicas
    {
        Some(PARTITION_AVAILABLE)
    } else {
        None
    }
}

/// CS-122: of an exceeded deadline only a new revision is progress (DV-CS8).
fn has_progressed(
    stored: &CloneSetStatus,
    status: &CloneSetStatus,
    present: Option<&CloneSetCondition>,
) -> bool {
    let Some(present) = present else {
        return true;
    };
    if stored.update_revision != status.update_revision {
        return true;
    }
    if present.reason == DEADLINE_EXCEEDED {
        return false;
    }
    matches!(
        present.reason.as_str(),
        AVAILABLE | PAUSED | PARTITION_AVAILABLE
    ) || stored.updated_replicas != status.updated_replicas
        || status.ready_replicas > stored.ready_replicas
        || status.available_replicas > stored.available_replicas
        || status.updated_available_replicas > stored.updated_available_replicas
}

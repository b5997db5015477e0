//! The status, its conditions, and when to look again (CS-113 to CS-119, CS-26).

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::CloneSetStatus,
    availability,
    meta::{Time, UnknownFields},
    pod::Pod,
    selector::Selector,
    well_known::conditions::{FAILED_SCALE, FAILED_UPDATE},
};
use serde_json::{Value, json};

use super::{
    Plan, Revisions, Spec, claim::Claimed, conditions::set_failure, explain::why_unavailable,
    progress, waiting,
};
use crate::{snapshot::Snapshot, wait::WaitReason};

pub(super) fn plan(
    snapshot: &Snapshot,
    spec: &Spec,
    selector: &Selector,
    revisions: &Revisions,
    claimed: &Claimed<'_>,
    plan: &mut Plan,
) {
    let stored = &snapshot.set.status;
    let now = snapshot.now;
    let mut unavailable = Vec::new();
    let mut status = count(snapshot, spec, revisions, claimed, &mut unavailable);
    status.label_selector = selector.to_string();
    status.conditions.clone_from(&stored.conditions);

    if plan.waiting_on.is_empty() && plan.steps.is_empty() {
        plan.waiting_on
            .extend(not_available(snapshot, &unavailable));
    }
    set_failure(
        &mut status.conditions,
        FAILED_SCALE,
        snapshot.memory.failed_scale.as_deref(),
        now,
    );
    // CS-90: what can't be updated in place counts as a failure to update, after all others are.
    let not_in_place = plan
        .waiting_on
        .iter()
        .find(|reason| matches!(reason, WaitReason::NotInPlace { .. }))
        .map(ToString::to_string);
    set_failure(
        &mut status.conditions,
        FAILED_UPDATE,
        snapshot
            .memory
            .failed_update
            .as_deref()
            .or(not_in_place.as_deref()),
        now,
    );
    if let Some(after) = progress::apply(spec, stored, &mut status, now) {
        plan.look_again(after);
    }
    if let Some(after) = next_available(&unavailable, spec, now) {
        plan.look_again(after);
    }
    let mut is_written = differs(stored, &status);
    let facts = waiting::Facts {
        snapshot,
        spec,
        revisions,
        pods: &claimed.pods,
    };
    is_written |= facts.tell(&mut status.conditions, is_written, plan);
    if is_written {
        plan.status = Some(patch(snapshot, &status));
    }
}

/// The status of a CloneSet that can't be acted on: only what is seen of the spec changes.
pub(super) fn plan_held(snapshot: &Snapshot, plan: &mut Plan) {
    let stored = &snapshot.set.status;
    let mut status = stored.clone();
    status.observed_generation = snapshot.set.metadata.generation;
    let told = waiting::tell_at_once(snapshot, &mut status.conditions, plan);
    if told || stored.observed_generation != status.observed_generation {
        plan.status = Some(patch(snapshot, &status));
    }
}

/// CS-113 to CS-115. Each pod is looked at once; those that are not available are noted.
fn count<'a>(
    snapshot: &Snapshot,
    spec: &Spec,
    revisions: &Revisions,
    claimed: &'a Claimed<'_>,
    unavailable: &mut Vec<&'a Arc<Pod>>,
) -> CloneSetStatus {
    let mut status = CloneSetStatus {
        observed_generation: snapshot.set.metadata.generation,
        replicas: i32::try_from(claimed.pods.len()).unwrap_or(i32::MAX),
        expected_updated_replicas: if spec.partition_is_valid {
            spec.replicas - spec.partition
        } else {
            0
        },
        current_revision: revisions.current.clone(),
        update_revision: revisions.update.clone(),
        collision_count: Some(revisions.collision_count),
        ..CloneSetStatus::default()
    };
    for (pod, facts) in claimed.pods.iter().zip(&claimed.facts) {
        let is_updated = facts.is_at(&revisions.update);
        let is_available = facts.is_available(pod, spec.min_ready_seconds, snapshot.now);
        status.updated_replicas += i32::from(is_updated);
        status.ready_replicas += i32::from(facts.is_update_ready);
        status.updated_ready_replicas += i32::from(is_updated && facts.is_update_ready);
        status.available_replicas += i32::from(is_available);
        status.updated_available_replicas += i32::from(is_updated && is_available);
        if !is_available {
            unavailable.push(pod);
        }
    }
    if status.updated_replicas == status.replicas && status.replicas == spec.replicas {
        status.current_revision.clone_from(&status.update_revision);
    }
    status
}

/// The first pod that keeps the CloneSet from being as wanted, although there is nothing to do.
fn not_available(snapshot: &Snapshot, unavailable: &[&Arc<Pod>]) -> Option<WaitReason> {
    let pod = unavailable.first()?;
    Some(WaitReason::PodsNotAvailable {
        pod: pod.metadata.name.clone(),
        why: why_unavailable(pod, &snapshot.gates.in_place),
    })
}

/// When the next ready pod will have been ready for long enough (CS-26).
fn next_available(unavailable: &[&Arc<Pod>], spec: &Spec, now: Time) -> Option<Duration> {
    if spec.min_ready_seconds <= 0 {
        return None;
    }
    unavailable
        .iter()
        .filter_map(|pod| availability::available_at(pod, spec.min_ready_seconds))
        .filter(|at| *at >= now)
        .min()
        // The comparison is strict, and API times are whole seconds.
        .map(|at| at.duration_since(now) + SignedDuration::from_millis(10))
        .and_then(|left| Duration::try_from(left).ok())
}

/// Whether the status is worth a write (CS-117).
fn differs(stored: &CloneSetStatus, status: &CloneSetStatus) -> bool {
    let progressing = |status: &CloneSetStatus| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == kruise_api::well_known::conditions::PROGRESSING)
            .map(|condition| {
                (
                    condition.status.clone(),
                    condition.reason.clone(),
                    condition.message.clone(),
                    condition.last_update_time,
                )
            })
    };
    let without_conditions = |status: &CloneSetStatus| CloneSetStatus {
        conditions: Vec::new(),
        collision_count: None,
        // Not ours to write.
        unknown: UnknownFields::new(),
        ..status.clone()
    };
    without_conditions(stored) != without_conditions(status)
        || stored.collision_count.unwrap_or(0) != status.collision_count.unwrap_or(0)
        || progressing(stored) != progressing(status)
}

/// A merge patch of the whole status. Counters that are left out when zero are written as null,
/// or the patch would keep their old value.
fn patch(snapshot: &Snapshot, status: &CloneSetStatus) -> Value {
    let mut value = json!(status);
    if let Some(fields) = value.as_object_mut() {
        for field in [
            "updatedAvailableReplicas",
            "expectedUpdatedReplicas",
            "conditions",
        ] {
            fields.entry(field).or_insert(Value::Null);
        }
    }
    json!({
        "metadata": {
            "uid": snapshot.uid(),
            "resourceVersion": snapshot.set.metadata.resource_version,
        },
        "status": value,
    })
}

//! The status, its conditions, and when to look again (CS-113 to CS-119, CS-26).

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::{CloneSetCondition, CloneSetStatus},
    availability,
    condition::Condition,
    meta::{Time, UnknownFields},
    pod::Pod,
    selector::Selector,
    well_known::conditions::{FAILED_SCALE, FAILED_UPDATE},
};
use serde_json::{Value, json};

use kruise_plan::{
    Notes, WaitReason, conditions,
    waiting::{Told, Waiting},
    workload::why_unavailable,
};

use super::{context::Context, progress, step::Phase, waiting::is_over};
use crate::snapshot::Snapshot;

/// The status, if it is to be written. `phase` and `acts` say what else is done.
pub(super) fn plan(
    context: &Context<'_>,
    selector: &Selector,
    phase: Phase,
    acts: bool,
    notes: &mut Notes,
) -> Option<Value> {
    let (snapshot, spec) = (context.snapshot, context.spec);
    let stored = &snapshot.set.status;
    let now = snapshot.now;
    let mut unavailable = Vec::new();
    let mut status = count(context, &mut unavailable);
    status.label_selector = selector.to_string();
    status.conditions.clone_from(&stored.conditions);

    if notes.waiting_on.is_empty() && !acts {
        notes
            .waiting_on
            .extend(not_available(snapshot, &unavailable));
    }
    let memory = &snapshot.memory;
    let failed_scale = memory.failed_scale.as_deref();
    set_failure(&mut status, FAILED_SCALE, failed_scale, now);
    // CS-90: what can't be updated in place counts as a failure to update, after all others are.
    let not_in_place = notes
        .waiting_on
        .iter()
        .find(|reason| matches!(reason, WaitReason::NotInPlace { .. }))
        .map(ToString::to_string);
    let failed_update = memory.failed_update.as_deref();
    let failed_update = failed_update.or(not_in_place.as_deref());
    set_failure(&mut status, FAILED_UPDATE, failed_update, now);
    if let Some(after) = progress::apply(spec, stored, &mut status, now) {
        notes.look_again(after);
    }
    if let Some(after) = next_available(&unavailable, spec.min_ready_seconds, now) {
        notes.look_again(after);
    }
    let is_written = differs(stored, &status);
    let Told {
        changed,
        look_again,
    } = waiting(snapshot, &notes.waiting_on, acts).tell(
        &mut status.conditions,
        is_written,
        |told| is_over(context, phase, told),
    );
    if let Some(after) = look_again {
        notes.look_again(after);
    }
    (is_written || changed).then(|| patch(snapshot, &status))
}

/// The status of a CloneSet that can't be acted on, if it is to be written: only what is seen of the spec changes.
pub(super) fn plan_held(snapshot: &Snapshot, waiting_on: &[WaitReason]) -> Option<Value> {
    let stored = &snapshot.set.status;
    let mut status = stored.clone();
    status.observed_generation = snapshot.set.metadata.generation;
    let told = waiting(snapshot, waiting_on, false).tell_at_once(&mut status.conditions);
    let is_seen = stored.observed_generation == status.observed_generation;
    (told || !is_seen).then(|| patch(snapshot, &status))
}

fn waiting<'a>(snapshot: &'a Snapshot, waiting_on: &'a [WaitReason], acts: bool) -> Waiting<'a> {
    Waiting {
        waiting_on,
        acts,
        before: snapshot.memory.waiting.as_ref(),
        now: snapshot.now,
    }
}

/// CS-119
fn set_failure(status: &mut CloneSetStatus, type_: &str, message: Option<&str>, now: Time) {
    if let Some(message) = message {
        let failure = CloneSetCondition::new(type_, "True", "", message.to_owned(), now);
        conditions::set(&mut status.conditions, failure);
    }
}

/// CS-113 to CS-115. Each pod is looked at once; those that are not available are noted.
fn count<'a>(context: &Context<'a>, unavailable: &mut Vec<&'a Arc<Pod>>) -> CloneSetStatus {
    let (snapshot, spec, revisions) = (context.snapshot, context.spec, context.revisions);
    let mut status = CloneSetStatus {
        observed_generation: snapshot.set.metadata.generation,
        replicas: i32::try_from(context.pods.len()).unwrap_or(i32::MAX),
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
    for (pod, facts) in context.known() {
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
fn next_available(
    unavailable: &[&Arc<Pod>],
    min_ready_seconds: i32,
    now: Time,
) -> Option<Duration> {
    if min_ready_seconds <= 0 {
        return None;
    }
    unavailable
        .iter()
        .filter_map(|pod| availability::available_at(pod, min_ready_seconds))
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

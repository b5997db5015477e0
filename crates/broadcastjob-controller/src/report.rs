//! The status that follows from a plan and from how its steps ended (BJ-55, BJ-62, BJ-65).

use kruise_api::{
    apps::v1beta1::BroadcastJobStatus, apps::v1beta1::JobCondition, condition::Condition,
};
use kruise_plan::Event;
use serde_json::{Value, json};

use crate::{
    plan::{Ending, Plan, Report, number},
    snapshot::Snapshot,
};

/// How the steps of a plan ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many pods were created.
    pub created: usize,
    /// How many pods were stopped.
    pub stopped: usize,
    /// Whether a pod that is to be stopped was not: the job does not end then (DV-BJ4).
    pub stop_failed: bool,
}

/// What is written of the status.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// A merge patch of the whole status, for the version that was read.
    pub patch: Value,
    /// What is told once it is written.
    pub event: Option<Event>,
}

/// The write of the status; none if it says what is stored already.
#[must_use]
pub fn written(snapshot: &Snapshot, plan: &Plan, outcome: Outcome) -> Option<Written> {
    let report = plan.report.as_ref()?;
    let ending = report.ending.as_ref().filter(|_| !outcome.stop_failed);
    let status = status(snapshot, report, ending, outcome);
    (status != snapshot.job.status).then(|| Written {
        patch: json!({
            "metadata": {
                "uid": snapshot.uid(),
                "resourceVersion": snapshot.job.metadata.resource_version,
            },
            "status": status,
        }),
        event: ending.map(|ending| ending.event.clone()),
    })
}

fn status(
    snapshot: &Snapshot,
    report: &Report,
    ending: Option<&Ending>,
    outcome: Outcome,
) -> BroadcastJobStatus {
    let mut status = report.counted.clone();
    let (created, stopped) = (number(outcome.created), number(outcome.stopped));
    status.active = status
        .active
        .saturating_add(created)
        .saturating_sub(stopped);
    status.failed = status.failed.saturating_add(stopped);
    if let Some(Ending {
        phase,
        condition: type_,
        event,
    }) = ending
    {
        let message = event.message.clone();
        let mut condition = JobCondition::new(type_, "True", type_, message, snapshot.now);
        condition.set_last_update_time(snapshot.now);
        status.conditions.push(condition);
        status.completion_time = Some(snapshot.now);
        status.phase = phase.clone();
    }
    status
}

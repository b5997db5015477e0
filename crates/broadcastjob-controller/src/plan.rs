//! From a snapshot to a plan, without I/O: equal snapshots give equal plans.
//!
//! The order is that of BJ-20 to BJ-37: what was stopped ends first; a job that has ended is only deleted one day; one
//! that is paused, has failed pods, or has run too long is left alone or fails; any other has its unfit pods stopped and
//! its waiting nodes served. The status tells of all of it in one write, made of how the steps ended.

use kruise_api::apps::v1beta1::{BroadcastJobPhase, BroadcastJobStatus, FailurePolicyType};
use kruise_plan::{Event, PodRef, WaitReason, workload::why_not_running};

use crate::snapshot::{JobPod, Snapshot};

mod classes;
mod coverage;
mod create;
mod names;
mod step;
mod times;

use classes::Classes;
use coverage::Coverage;
pub use step::{Ending, NewPod, Plan, Report, Step};
use times::Until;

/// What holds a job while it is true.
const PAUSED: &str = "spec.paused";

/// Decides what is to be done now.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    let mut plan = decide(snapshot);
    plan.events.extend(news(snapshot, &plan.standing));
    plan
}

/// What holds and was not told while it held before.
fn news(snapshot: &Snapshot, standing: &[Event]) -> Vec<Event> {
    let told = &snapshot.memory.told;
    let news = standing.iter().filter(|event| !told.contains(event));
    news.cloned().collect()
}

fn decide(snapshot: &Snapshot) -> Plan {
    if snapshot.memory.namespace_terminates {
        // Each of our pods that goes would have another one asked for, in vain.
        return Plan {
            waiting_on: vec![WaitReason::NamespaceTerminating],
            ..Plan::default()
        };
    }
    if let Some((pod, after)) = times::ending_pod(snapshot) {
        let pod = pod.metadata.name.clone();
        return Plan {
            waiting_on: vec![WaitReason::PodsTerminating { pod }],
            requeue_after: Some(after),
            ..Plan::default()
        };
    }
    let job = &snapshot.job;
    if !job.spec.never_completes() && job.status.has_ended() {
        return clean_up(snapshot);
    }
    let classes = Classes::of(snapshot);
    let coverage = Coverage::of(snapshot, &classes.all);
    run(snapshot, &classes, &coverage)
}

/// BJ-60, BJ-61
fn clean_up(snapshot: &Snapshot) -> Plan {
    let mut plan = Plan::default();
    match times::ttl(snapshot) {
        Until::Over if !snapshot.job.metadata.is_terminating() => plan.steps.push(Step::DeleteJob),
        Until::In(left) => plan.requeue_after = Some(left),
        Until::Over | Until::Never => {}
    }
    plan
}

/// BJ-26 to BJ-37
fn run(snapshot: &Snapshot, classes: &Classes<'_>, coverage: &Coverage<'_>) -> Plan {
    let mut plan = Plan::default();
    if !coverage.doubled.is_empty() {
        let message = format!(
            "node {} has several pods of the job",
            coverage.doubled.join(", ")
        );
        let event = Event::warning("DuplicatePodCreatedOnSameNode", message);
        plan.standing.push(event);
    }
    let counted = counted(snapshot, classes, coverage);
    let start = counted.start_time;
    let before = counted.phase.clone();
    plan.report = Some(Report {
        counted,
        ending: None,
    });
    match course(snapshot, classes, &before, times::deadline(snapshot, start)) {
        Course::HasFailed => {}
        Course::Paused(reason) => {
            let is_new = before != BroadcastJobPhase::Paused;
            if let WaitReason::PausedByFailure { .. } = &reason
                && is_new
            {
                let event = Event::warning("Paused", reason.to_string());
                plan.events.push(event);
            }
            set_phase(&mut plan, BroadcastJobPhase::Paused);
            plan.waiting_on.push(reason);
            // It holds all the same, and is told once.
            plan.held_by(coverage.waiting.as_ref().err());
        }
        Course::Fails(cause) => fail(snapshot, classes, cause, &mut plan),
        Course::GoesOn(until) => {
            if before == BroadcastJobPhase::Paused {
                let event = Event::normal("Continue", "the job is not paused any more".to_owned());
                plan.events.push(event);
                set_phase(&mut plan, BroadcastJobPhase::Running);
            }
            if let Until::In(left) = until {
                plan.requeue_after = Some(left);
            }
            go_on(snapshot, classes, coverage, &mut plan);
        }
    }
    plan
}

/// What becomes of a job in this pass.
enum Course<'a> {
    /// A job of type Never that has failed, which does nothing any more (BJ-30).
    HasFailed,
    /// Nothing is created or deleted (BJ-31, BJ-33).
    Paused(WaitReason),
    /// All active pods are stopped (BJ-35).
    Fails(Cause<'a>),
    /// It goes on (BJ-36), until its deadline.
    GoesOn(Until),
}

/// Why a job fails.
#[derive(Clone, Copy)]
enum Cause<'a> {
    /// A pod has failed (BJ-33).
    FailedPod(&'a JobPod),
    /// It has run for too long (BJ-34).
    Deadline,
}

impl Cause<'_> {
    fn event(self) -> Event {
        match self {
            Self::FailedPod(pod) => {
                let message = format!("pod {} has failed", pod.metadata.name);
                Event::warning("failed pod is found", message)
            }
            Self::Deadline => {
                let message =
                    "the job has run for longer than spec.completionPolicy.activeDeadlineSeconds";
                Event::warning("DeadlineExceeded", message.to_owned())
            }
        }
    }
}

fn course<'a>(
    snapshot: &Snapshot,
    classes: &Classes<'a>,
    phase: &BroadcastJobPhase,
    deadline: Until,
) -> Course<'a> {
    let spec = &snapshot.job.spec;
    let may_pause = matches!(
        phase,
        BroadcastJobPhase::Running | BroadcastJobPhase::Paused
    );
    if *phase == BroadcastJobPhase::Failed {
        return Course::HasFailed;
    }
    if spec.paused == Some(true) && may_pause {
        return Course::Paused(WaitReason::Paused { field: PAUSED });
    }
    if let Some(failed) = classes.failed.first() {
        match spec.on_failure() {
            FailurePolicyType::Pause => {
                let pod = failed.metadata.name.clone();
                return Course::Paused(WaitReason::PausedByFailure { pod });
            }
            FailurePolicyType::FailFast => return Course::Fails(Cause::FailedPod(failed)),
            FailurePolicyType::Continue | FailurePolicyType::Other(_) => {}
        }
    }
    match deadline {
        Until::Over => Course::Fails(Cause::Deadline),
        until => Course::GoesOn(until),
    }
}

/// The status before any step (BJ-22, BJ-23, BJ-26).
fn counted(
    snapshot: &Snapshot,
    classes: &Classes<'_>,
    coverage: &Coverage<'_>,
) -> BroadcastJobStatus {
    let mut status = snapshot.job.status.clone();
    status.start_time.get_or_insert(snapshot.now);
    if status.phase.as_str().is_empty() {
        status.phase = BroadcastJobPhase::Running;
    }
    status.active = number(classes.active.len());
    status.succeeded = number(classes.n_succeeded);
    status.failed = number(classes.failed.len());
    // While that is not known, what was counted last stays.
    status.desired = coverage.desired().map_or(status.desired, number);
    status
}

/// BJ-35
fn fail(snapshot: &Snapshot, classes: &Classes<'_>, cause: Cause<'_>, plan: &mut Plan) {
    let event = cause.event();
    // That a pod has failed is told before the deletions as well.
    if let Cause::FailedPod(_) = cause {
        plan.standing.push(event.clone());
    }
    stop(classes.active_refs(), plan);
    end(
        snapshot,
        plan,
        Ending {
            phase: BroadcastJobPhase::Failed,
            condition: "Failed",
            event,
        },
    );
}

/// BJ-36
fn go_on(snapshot: &Snapshot, classes: &Classes<'_>, coverage: &Coverage<'_>, plan: &mut Plan) {
    stop(coverage.unfit.clone(), plan);
    let active: Vec<&str> = classes.active.iter().map(|pod| name_of(pod)).collect();
    // Creations alone need the template: whatever else is due does not wait until it is corrected.
    match &coverage.waiting {
        Ok(waiting) => {
            let n_desired = number(coverage.kept.len() + waiting.len());
            create::plan(snapshot, n_desired, &active, waiting, plan);
        }
        Err(unreadable) => plan.held_by([unreadable]),
    }
    if !snapshot.job.spec.never_completes() && coverage.is_done() {
        let message = "every node has been served".to_owned();
        let ending = Ending {
            phase: BroadcastJobPhase::Completed,
            condition: "Complete",
            event: Event::normal("JobComplete", message),
        };
        end(snapshot, plan, ending);
    } else if plan.steps.is_empty() {
        plan.waiting_on.extend(why_it_waits(classes, coverage));
    }
}

/// What a job waits for that does nothing.
fn why_it_waits(classes: &Classes<'_>, coverage: &Coverage<'_>) -> Option<WaitReason> {
    if let Some(pod) = classes.active.first() {
        let runs = || format!("it runs on node {}", pod.spec.node_name);
        return Some(WaitReason::PodsNotEnded {
            pod: pod.metadata.name.clone(),
            why: why_not_running(pod).unwrap_or_else(runs),
        });
    }
    // A pod over its restart limit counts as failed, and has not ended (BJ-45).
    if let Some(pod) = coverage.kept.iter().find(|pod| pod.is_active()) {
        return Some(WaitReason::PodsNotEnded {
            pod: pod.metadata.name.clone(),
            why: "it counts as failed, since it was restarted too often, and goes on".to_owned(),
        });
    }
    // Its node is served again when it is gone, which may have been missed.
    let mut kept = coverage.kept.iter();
    if let Some(pod) = kept.find(|pod| pod.metadata.is_terminating()) {
        let pod = pod.metadata.name.clone();
        return Some(WaitReason::PodsTerminating { pod });
    }
    (coverage.desired() == Some(0)).then_some(WaitReason::NoNodeFits)
}

fn stop(pods: Vec<PodRef>, plan: &mut Plan) {
    if !pods.is_empty() {
        plan.steps.push(Step::StopPods { pods });
    }
}

/// BJ-62
fn end(snapshot: &Snapshot, plan: &mut Plan, ending: Ending) {
    if let Some(report) = &mut plan.report {
        report.ending = Some(ending);
    }
    plan.requeue_after = if snapshot.job.spec.never_completes() {
        None
    } else {
        times::ttl_from_now(snapshot)
    };
}

fn set_phase(plan: &mut Plan, phase: BroadcastJobPhase) {
    if let Some(report) = &mut plan.report {
        report.counted.phase = phase;
    }
}

fn name_of(pod: &JobPod) -> &str {
    &pod.metadata.name
}

/// A count, as statuses have them.
pub(crate) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

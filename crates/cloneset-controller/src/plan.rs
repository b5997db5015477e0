//! From a snapshot to a plan, without I/O: equal snapshots give equal plans.
//!
//! The order is that of CS-22: clean up volume claims, adopt and release pods, resolve revisions, scale, and only when
//! scaling has nothing to do refresh and update pods. Whatever a plan does not do, it says why.

use kruise_plan::{Event, Notes, Turn, WaitReason};

use crate::{known_pods::KnownPods, snapshot::Snapshot};

mod budget;
mod context;
mod counts;
mod images_ahead;
mod in_place;
mod instance_ids;
mod new_pod;
mod ownership;
mod progress;
mod refresh;
mod refused;
mod revision;
mod scale;
mod spec;
mod status;
mod step;
mod trim;
mod update;
mod valid;
mod volume_claims;
mod waiting;

use context::Context;
pub use counts::{Counts, PodClass};
pub use scale::needs_nodes;
pub use spec::Spec;
pub use step::{
    BudgetPatch, ClaimMove, ClaimRef, ImagesAhead, Mark, NewClaim, NewPod, OrphanClaim, Phase,
    Plan, Step,
};
use valid::Valid;

/// Decides what is to be done now.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    if snapshot.memory.namespace_terminates {
        // Each of our pods that goes would have another one asked for, in vain.
        return Plan {
            waiting_on: vec![WaitReason::NamespaceTerminating],
            ..Plan::default()
        };
    }
    match Valid::of(&snapshot.set) {
        Ok(valid) => plan_valid(snapshot, &valid),
        Err(reason) => hold(snapshot, reason),
    }
}

fn plan_valid(snapshot: &Snapshot, valid: &Valid) -> Plan {
    let known = KnownPods::of_these(
        &snapshot.pods,
        snapshot.gates.in_place,
        &snapshot.set.spec.selector,
        snapshot.memory.pods.as_ref(),
    );
    let claims = volume_claims::sort(snapshot, &valid.spec);
    let owned = ownership::sort(snapshot, &known);
    let revisions = revision::resolve(snapshot, &valid.selector);
    let context = Context {
        snapshot,
        spec: &valid.spec,
        revisions: &revisions,
        pods: &owned.pods,
        facts: &owned.facts,
        claims: &claims.listed,
    };
    let mut notes = Notes::default();
    if let Some(after) = claims.look_again {
        notes.look_again(after);
    }
    let images_ahead = if revisions.steps.is_empty() {
        images_ahead::plan(&context)
    } else {
        ImagesAhead::default()
    };
    let mut steps = [&claims.steps[..], &owned.steps].concat();
    steps.extend(revisions.steps.iter().cloned().map(Step::from));
    // What comes next needs the pods and the update revision as they will be stored.
    let (mut phase, mut turn) = match Turn::of(steps) {
        Turn::GoesOn if !snapshot.set.metadata.is_terminating() => sync(&context, &mut notes),
        turn => (Phase::Prepare, turn),
    };
    let acts = matches!(turn, Turn::Acts(_));
    let status = status::plan(&context, &valid.selector, phase, acts, &mut notes);
    if !acts {
        let tidying = tidy_up(&context, status.is_some(), &mut notes);
        if matches!(tidying, Turn::Acts(_)) {
            (phase, turn) = (Phase::Trim, tidying);
        }
    }
    let Notes {
        waiting_on,
        events,
        look_again,
    } = notes;
    Plan {
        steps: turn.steps(),
        images_ahead,
        events,
        status,
        waiting_on,
        requeue_after: look_again,
        phase,
    }
}

/// Scaling first; pods are refreshed and updated when it has nothing to do. After a failure to
/// scale it is updating's turn: a quota that refuses new pods must not keep the others from
/// becoming ready (CS-25).
fn sync(context: &Context<'_>, notes: &mut Notes) -> (Phase, Turn<Step>) {
    refused::tell(context.snapshot, notes);
    let scaling_failed = context.snapshot.memory.scaling_failed;
    if scaling_failed {
        let turn = update::plan(context, notes);
        if matches!(turn, Turn::Acts(_)) {
            return (Phase::Update, turn);
        }
    }
    match scale::plan(context, notes) {
        Turn::GoesOn if !scaling_failed => (Phase::Update, update::plan(context, notes)),
        turn => (Phase::Scale, turn),
    }
}

/// What can't be tidied up now is left for a while: everything that happens to a CloneSet would have it tried again.
fn tidy_up(context: &Context<'_>, status_is_written: bool, notes: &mut Notes) -> Turn<Step> {
    let steps = trim::plan(context, status_is_written);
    let snapshot = context.snapshot;
    match snapshot.memory.trims_wait(snapshot.now) {
        Some(left) if !steps.is_empty() => {
            notes.look_again(left);
            Turn::GoesOn
        }
        _ => Turn::of(steps),
    }
}

/// No pod is touched; status and an event say why.
fn hold(snapshot: &Snapshot, reason: WaitReason) -> Plan {
    let mut plan = Plan::default();
    let told = snapshot
        .memory
        .waiting
        .as_ref()
        .is_some_and(|(last, _)| *last == reason);
    if !told {
        let event = Event::warning(reason.reason(), reason.to_string());
        plan.events.push(event);
    }
    plan.waiting_on.push(reason);
    plan.status = status::plan_held(snapshot, &plan.waiting_on);
    plan
}

//! What people are told besides what is done: why a SidecarSet waits, when that has lasted, and which pods lack it.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use kruise_api::meta::Time;
use kruise_plan::Event;

use super::step::Plan;
use crate::{
    memory::Held,
    snapshot::{LackingPod, Snapshot},
};

/// What passes by itself in an ordinary roll-out is not told (decision 1).
const TOLD_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// So many pods are named.
const NAMED: usize = 5;

/// Adds the events that are due, and when to look for the next.
pub(super) fn plan(snapshot: &Snapshot, plan: &mut Plan) {
    tell_held(snapshot, plan);
    tell_lacking(snapshot, plan);
}

/// SidecarSets have no conditions, so that a reason is told by an event alone: once in the same words, until nothing holds
/// the SidecarSet back any more.
fn tell_held(snapshot: &Snapshot, plan: &mut Plan) {
    let before = &snapshot.memory.held;
    let Some(reason) = plan.notes.waiting_on.first().cloned() else {
        if plan.acts() {
            plan.held.told.clone_from(&before.told);
        }
        return;
    };
    let since = match &before.first {
        Some((last, since)) if *last == reason => *since,
        _ => snapshot.now,
    };
    let words = reason.to_string();
    let mut told = before.told.clone();
    if !told.contains(&words) {
        match left(since, snapshot.now) {
            Some(left) if !reason.needs_correction() => plan.notes.look_again(left),
            _ => {
                let event = Event::normal("Waiting", words.clone());
                plan.notes.events.push(event);
                told.insert(words);
            }
        }
    }
    plan.held = Held {
        first: Some((reason, since)),
        told,
    };
}

/// Tells of pods that lack the SidecarSet, when there are some that were not told of.
fn tell_lacking(snapshot: &Snapshot, plan: &mut Plan) {
    let mut due: Vec<&LackingPod> = vec![];
    for pod in &snapshot.lacking {
        match left(pod.created.unwrap_or(Time::UNIX_EPOCH), snapshot.now) {
            Some(left) => plan.notes.look_again(left),
            None => due.push(pod),
        }
    }
    let names: BTreeSet<String> = due.iter().map(|pod| pod.full_name.clone()).collect();
    if !names.is_subset(&snapshot.memory.lacking) {
        let event = Event::warning("PodsWithoutSidecar", words(&due));
        plan.notes.events.push(event);
    }
    plan.lacking = names;
}

fn words(pods: &[&LackingPod]) -> String {
    let names = pods.iter().take(NAMED).map(|pod| pod.full_name.as_str());
    let mut named = names.collect::<Vec<_>>().join(", ");
    let n_unnamed = pods.len().saturating_sub(NAMED);
    if n_unnamed > 0 {
        named += &format!(" and {n_unnamed} more");
    }
    format!(
        "{} pod(s) match and were created without the sidecars, which they get only when they are created anew: {named}",
        pods.len()
    )
}

/// How long it takes until something has lasted; none if it has.
fn left(since: Time, now: Time) -> Option<Duration> {
    let left = TOLD_AFTER - now.duration_since(since);
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

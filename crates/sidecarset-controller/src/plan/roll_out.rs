//! The roll-out of new images to pods that are there: what SS-210 does after the status.

use std::{collections::BTreeSet, time::Duration};

use kruise_api::apps::v1beta1::SidecarSetUpdateStrategyType;
use kruise_plan::{Event, WaitReason};

use super::{
    choose::{Choice, choose},
    explain, hot,
    revision::Latest,
    step::{Plan, PodMark, PodRef, Step},
    update::update,
};
use crate::{
    conditions::{self, UnreadableMessage},
    facts::Known,
    sidecar_pod::SidecarPod,
    snapshot::Snapshot,
};

const PAUSED: &str = "spec.updateStrategy.paused";
/// When a pod is looked at again whose annotations can't be written.
const CORRECTED_WITHIN: Duration = Duration::from_secs(60);

/// Adds what is done about the pods.
pub(super) fn plan(snapshot: &Snapshot, matched: &[&Known], latest: &Latest, plan: &mut Plan) {
    let is_open = |known: &&Known| !known.facts.is_updated || known.facts.in_hot_upgrade;
    let held = if snapshot.strategy().type_ == SidecarSetUpdateStrategyType::NotUpdate {
        Some(WaitReason::NotUpdate)
    } else if snapshot.strategy().paused {
        Some(WaitReason::Paused { field: PAUSED })
    } else {
        None
    };
    if let Some(reason) = held {
        // SS-254: nothing is reset either.
        if matched.iter().any(is_open) {
            plan.notes.wait(reason);
        }
        return;
    }
    let resets = hot::resets(snapshot);
    if !resets.is_empty() {
        plan.steps.push(Step::ResetPods { pods: resets });
        return;
    }
    let Choice {
        updated,
        not_upgradable,
        unwritable,
        reasons,
    } = choose(snapshot, matched);
    mark(snapshot, matched, &not_upgradable, plan);
    tell_not_upgradable(snapshot, &not_upgradable, plan);
    for (known, error) in unwritable {
        let why = format!("{error}: {}", error.source);
        plan.notes.wait(broken(&known.pod, why));
        // Nothing tells when somebody corrects an annotation.
        plan.notes.look_again(CORRECTED_WITHIN);
    }
    let updated = updated.into_iter();
    let pods = updated.filter_map(|known| update(snapshot, &known.pod, latest).ok());
    let pods: Vec<_> = pods.collect();
    if !pods.is_empty() {
        plan.steps.push(Step::UpdatePods { pods });
    }
    for reason in reasons {
        plan.notes.wait(reason);
    }
    let not_done = matched.iter().find_map(|known| explain::not_done(known));
    if let Some(reason) = not_done {
        plan.notes.wait(reason);
    }
}

/// Says in the conditions of pods whether they can be updated (SS-240, SS-247): of those that can't; and of those that
/// were, where an earlier pass got no further than the update, or an update was not possible before.
fn mark(snapshot: &Snapshot, matched: &[&Known], not_upgradable: &[&Known], plan: &mut Plan) {
    let name = snapshot.name();
    let is_unsaid = |known: &&&Known| {
        let facts = &known.facts;
        let was_updated = facts.said_upgradable.is_none() && facts.was_updated;
        facts.is_updated && (was_updated || facts.said_upgradable == Some(false))
    };
    let updated = matched.iter().filter(is_unsaid).map(|known| (*known, true));
    let others = not_upgradable.iter().map(|known| (*known, false));
    let mut marks = vec![];
    let mut unreadable = None;
    for (known, is_upgradable) in others.chain(updated) {
        match conditions::patch(&known.pod, name, is_upgradable, snapshot.now) {
            Ok(patch) => marks.extend(patch.map(|patch| PodMark {
                pod: PodRef::of(&known.pod),
                patch,
            })),
            Err(UnreadableMessage) => unreadable = unreadable.or(Some(known)),
        }
    }
    if !marks.is_empty() {
        plan.steps.push(Step::MarkPods { marks });
    }
    if let Some(known) = unreadable {
        let why = UnreadableMessage::WORDS.to_owned();
        plan.notes.wait(broken(&known.pod, why));
    }
}

/// Tells of pods that can't be updated, when there are some that were not told of.
fn tell_not_upgradable(snapshot: &Snapshot, not_upgradable: &[&Known], plan: &mut Plan) {
    let uids = not_upgradable
        .iter()
        .map(|known| known.pod.metadata.uid.clone());
    let uids: BTreeSet<String> = uids.collect();
    if !uids.is_subset(&snapshot.memory.not_upgradable) {
        let n = uids.len();
        let message = format!(
            "SidecarSet in-place update detected {n} not upgradable pod(s) in this round, will skip them."
        );
        let event = Event::normal("NotUpgradablePods", message);
        plan.notes.events.push(event);
    }
    plan.not_upgradable = Some(uids);
}

fn broken(pod: &SidecarPod, why: String) -> WaitReason {
    WaitReason::BrokenUpdateState {
        pod: pod.full_name(),
        why,
    }
}

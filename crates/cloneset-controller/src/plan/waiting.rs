//! Condition `Waiting`: when a reason is told, and when it is over (decision 1).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::SignedDuration;
use kruise_api::{apps::v1beta1::CloneSetCondition, availability, pod::Pod};

use super::{Phase, Plan, Revisions, Spec, revision::is_at};
use crate::{snapshot::Snapshot, wait::WaitReason};

/// Ours: why nothing, or not more, happens. Absent when nothing is held back.
const WAITING: &str = "Waiting";
/// A reason goes into the status when it has held for this long, so that what passes by itself in
/// an ordinary roll-out costs no writes.
const TOLD_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What shows whether a reason that was told still holds.
pub(super) struct Facts<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) spec: &'a Spec,
    pub(super) revisions: &'a Revisions,
    pub(super) pods: &'a [&'a Arc<Pod>],
}

impl Facts<'_> {
    /// Sets, changes or removes the condition. Whether it changed. Where the status is written anyway, it costs
    /// nothing to follow the words of a reason that is told.
    pub(super) fn tell(
        &self,
        conditions: &mut Vec<CloneSetCondition>,
        is_written: bool,
        plan: &mut Plan,
    ) -> bool {
        let told = told(conditions);
        let Some(reason) = first(plan) else {
            // While there is work, a reason that was told stays until it is over: otherwise each step of a slow
            // roll-out would write it away and back.
            return told.is_some_and(|told| self.is_over(&told, plan)) && remove(conditions);
        };
        let is_told = |told: &CloneSetCondition| told.reason == reason.reason();
        if told
            .as_ref()
            .is_some_and(|told| is_told(told) && told.message == reason.to_string())
        {
            return false;
        }
        let is_of_that_pod = |told: &CloneSetCondition| {
            let pod = reason.pod();
            pod.is_some_and(|pod| words(&told.message).any(|word| word == pod))
        };
        let follows = told
            .as_ref()
            .is_some_and(|told| is_told(told) && (is_written || is_of_that_pod(told)));
        let held_since = match &self.snapshot.memory.waiting {
            Some((last, since)) if *last == reason => *since,
            _ => self.snapshot.now,
        };
        let held = self.snapshot.now.duration_since(held_since);
        if follows || reason.needs_correction() || held >= TOLD_AFTER {
            set(self.snapshot, conditions, &reason);
            return true;
        }
        plan.look_again(Duration::try_from(TOLD_AFTER - held).unwrap_or(Duration::from_secs(1)));
        told.is_some_and(|told| self.is_over(&told, plan)) && remove(conditions)
    }

    /// Whether what was told does not hold any more. A plan that acts has not asked for everything that might hold
    /// besides, so that its silence alone is no proof.
    fn is_over(&self, told: &CloneSetCondition, plan: &Plan) -> bool {
        let mut reasons = plan.waiting_on.iter();
        if reasons.any(|reason| reason.reason() == told.reason) {
            return false;
        }
        if plan.steps.is_empty() {
            return true;
        }
        let spec = self.spec;
        match told.reason.as_str() {
            "InvalidSpec" => true,
            "OnDelete" => !spec.on_delete || self.n_behind() == 0,
            "Paused" => spec.on_delete || !spec.paused || self.n_behind() == 0,
            "PartitionReached" => {
                let kept = usize::try_from(spec.partition).unwrap_or(0);
                spec.on_delete || spec.paused || !(1..=kept).contains(&self.n_behind())
            }
            "ScaleUpLimited" => match plan.phase {
                Phase::Scale => true,
                // After a failure to scale, updating comes first.
                Phase::Update => !self.snapshot.memory.scaling_failed,
                Phase::Prepare | Phase::Trim => false,
            },
            "Hook" | "GracePeriod" | "MaxUnavailableReached" | "PodsNotAvailable" => {
                self.is_available(told)
            }
            _ => false,
        }
    }

    fn n_behind(&self) -> usize {
        let update = &self.revisions.update;
        self.pods.iter().filter(|pod| !is_at(pod, update)).count()
    }

    /// Whether the pod that it is about is available, or gone.
    fn is_available(&self, told: &CloneSetCondition) -> bool {
        let words: BTreeSet<&str> = words(&told.message).collect();
        let is_meant = |pod: &&Arc<Pod>| words.contains(pod.metadata.name.as_str());
        let (seconds, now) = (self.spec.min_ready_seconds, self.snapshot.now);
        self.pods
            .iter()
            .copied()
            .find(is_meant)
            .is_none_or(|pod| availability::is_available(pod, seconds, now))
    }
}

/// Tells a reason that a person has to correct. Whether that changed anything.
pub(super) fn tell_at_once(
    snapshot: &Snapshot,
    conditions: &mut Vec<CloneSetCondition>,
    plan: &Plan,
) -> bool {
    let Some(reason) = first(plan) else {
        return false;
    };
    let is_told = |told: CloneSetCondition| {
        told.reason == reason.reason() && told.message == reason.to_string()
    };
    if told(conditions).is_some_and(is_told) {
        return false;
    }
    set(snapshot, conditions, &reason);
    true
}

fn told(conditions: &[CloneSetCondition]) -> Option<CloneSetCondition> {
    let mut conditions = conditions.iter();
    conditions.find(|told| told.type_ == WAITING).cloned()
}

/// The most telling reason that is told at all.
fn first(plan: &Plan) -> Option<WaitReason> {
    let mut reasons = plan.waiting_on.iter();
    reasons
        .find(|reason| !matches!(reason, WaitReason::OwnWritesUnseen { .. }))
        .cloned()
}

/// Words that may be names of pods.
fn words(message: &str) -> impl Iterator<Item = &str> {
    message.split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '.')
}

fn remove(conditions: &mut Vec<CloneSetCondition>) -> bool {
    conditions.retain(|condition| condition.type_ != WAITING);
    true
}

fn set(snapshot: &Snapshot, conditions: &mut Vec<CloneSetCondition>, reason: &WaitReason) {
    let told_since = told(conditions).and_then(|told| told.last_transition_time);
    remove(conditions);
    conditions.push(CloneSetCondition {
        type_: WAITING.to_owned(),
        status: "True".to_owned(),
        reason: reason.reason().to_owned(),
        message: reason.to_string(),
        last_update_time: Some(snapshot.now),
        last_transition_time: Some(told_since.unwrap_or(snapshot.now)),
        ..CloneSetCondition::default()
    });
}

//! Condition `Waiting`: when a reason is told, and when it is over (decision 1).

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;
use kruise_api::{condition::Condition, meta::Time};

use crate::{conditions, wait::WaitReason};

/// Our own condition: why nothing, or not more, happens. Absent when nothing is held back.
const WAITING: &str = "Waiting";
/// A reason goes into the status when it has held for this long, so that what passes by itself in
/// an ordinary roll-out costs no writes.
const TOLD_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// What a plan waits for, and what it waited for before.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What the plan waits for; the most telling reason first.
    pub waiting_on: &'a [WaitReason],
    /// Whether the plan does anything.
    pub acts: bool,
    /// The reason that came first in the last plan, and since when it has come first.
    pub before: Option<&'a (WaitReason, Time)>,
    /// The controller's clock.
    pub now: Time,
}

/// What came of telling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether the condition has changed.
    pub changed: bool,
    /// When the reason will have held for long enough.
    pub look_again: Option<Duration>,
}

impl Waiting<'_> {
    /// Sets, changes or removes the condition. If the status is written anyway (`is_written`), it costs nothing to
    /// bring the words of a told reason up to date.
    ///
    /// `is_over` says whether a told condition holds no longer. It is asked only if the plan acts: such a plan has
    /// not looked for every reason, so that its silence alone proves nothing.
    pub fn tell<C: Condition>(
        &self,
        conditions: &mut Vec<C>,
        is_written: bool,
        is_over: impl Fn(&C) -> bool,
    ) -> Told {
        let told = conditions::find(conditions, WAITING).cloned();
        let is_over = |told: &C| self.is_unsaid(told) && (!self.acts || is_over(told));
        let Some(reason) = self.first() else {
            // While there is work, a reason that was told stays until it is over: otherwise each step of a slow
            // roll-out would write it away and back.
            let changed = told.is_some_and(|told| is_over(&told)) && remove(conditions);
            return Told {
                changed,
                look_again: None,
            };
        };
        let is_told = |told: &C| told.reason() == reason.reason();
        if told
            .as_ref()
            .is_some_and(|told| is_told(told) && told.message() == reason.to_string())
        {
            return Told::default();
        }
        let is_of_that_pod = |told: &C| {
            let pod = reason.pod();
            pod.is_some_and(|pod| words(told.message()).any(|word| word == pod))
        };
        let follows = told
            .as_ref()
            .is_some_and(|told| is_told(told) && (is_written || is_of_that_pod(told)));
        let held_since = match self.before {
            Some((last, since)) if last == reason => *since,
            _ => self.now,
        };
        let held = self.now.duration_since(held_since);
        if follows || reason.needs_correction() || held >= TOLD_AFTER {
            self.set(conditions, reason);
            return Told {
                changed: true,
                look_again: None,
            };
        }
        let left = Duration::try_from(TOLD_AFTER - held).unwrap_or(Duration::from_secs(1));
        Told {
            changed: told.is_some_and(|told| is_over(&told)) && remove(conditions),
            look_again: Some(left),
        }
    }

    /// Tells a reason that a person has to correct. Returns whether that changed anything.
    pub fn tell_at_once<C: Condition>(&self, conditions: &mut Vec<C>) -> bool {
        let Some(reason) = self.first() else {
            return false;
        };
        let told = conditions::find(conditions, WAITING);
        let is_told =
            |told: &C| told.reason() == reason.reason() && told.message() == reason.to_string();
        if told.is_some_and(is_told) {
            return false;
        }
        self.set(conditions, reason);
        true
    }

    /// The most telling reason that is told at all.
    fn first(&self) -> Option<&WaitReason> {
        let mut reasons = self.waiting_on.iter();
        reasons.find(|reason| !matches!(reason, WaitReason::OwnWritesUnseen { .. }))
    }

    fn is_unsaid(&self, told: &impl Condition) -> bool {
        let mut reasons = self.waiting_on.iter();
        !reasons.any(|reason| reason.reason() == told.reason())
    }

    fn set<C: Condition>(&self, conditions: &mut Vec<C>, reason: &WaitReason) {
        let told = conditions::find(conditions, WAITING);
        let told_since = told.and_then(Condition::last_transition_time);
        remove(conditions);
        let message = reason.to_string();
        let mut new = C::new(WAITING, "True", reason.reason(), message, self.now);
        new.set_last_update_time(self.now);
        new.set_last_transition_time(Some(told_since.unwrap_or(self.now)));
        conditions.push(new);
    }
}

/// Words of a condition's message that may be names of pods.
#[must_use]
pub fn names(message: &str) -> BTreeSet<&str> {
    words(message).collect()
}

fn words(message: &str) -> impl Iterator<Item = &str> {
    message.split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '.')
}

fn remove<C: Condition>(conditions: &mut Vec<C>) -> bool {
    conditions::remove(conditions, WAITING);
    true
}

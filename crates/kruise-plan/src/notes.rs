//! What the parts of a planner say besides what is to be done.

use std::time::Duration;

use crate::{event::Event, wait::WaitReason};

/// What parts of a planner note, one after the other. Only the last of them, which makes the status, reads what the
/// others noted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notes {
    /// Why nothing, or not more, is done; the most telling reason first.
    pub waiting_on: Vec<WaitReason>,
    /// Events that belong to no single write.
    pub events: Vec<Event>,
    /// When to look again although nothing changed.
    pub look_again: Option<Duration>,
}

impl Notes {
    /// Holds back for this reason.
    pub fn wait(&mut self, reason: WaitReason) {
        self.waiting_on.push(reason);
    }

    /// Looks again after this time, or earlier if that was asked for before.
    pub fn look_again(&mut self, after: Duration) {
        self.look_again = Some(self.look_again.map_or(after, |before| before.min(after)));
    }
}

/// What a part of a planner has decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn<S> {
    /// These steps are done, and the later parts wait for the next pass. There is at least one step.
    Acts(Vec<S>),
    /// There is nothing to do: the next part decides.
    GoesOn,
}

impl<S> Turn<S> {
    /// These steps, if there are any.
    #[must_use]
    pub fn of(steps: Vec<S>) -> Self {
        if steps.is_empty() {
            Self::GoesOn
        } else {
            Self::Acts(steps)
        }
    }

    /// The steps.
    #[must_use]
    pub fn steps(self) -> Vec<S> {
        match self {
            Self::Acts(steps) => steps,
            Self::GoesOn => Vec::new(),
        }
    }
}

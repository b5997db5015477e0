//! What a process remembers of a BroadcastJob. Losing it loses nothing but time.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kruise_api::meta::Time;
use kruise_plan::{Event, WaitReason};

/// After this time a name is asked for again: who has it may have gone, and nobody would tell.
const NAME_IS_TAKEN_FOR: SignedDuration = SignedDuration::from_mins(5);

/// What a process remembers of a BroadcastJob between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
    /// Events that were told, of what still holds.
    pub told: Vec<Event>,
    /// Pods that this process has stopped, by UID, and when. The job waits for their end (BJ-56).
    pub stopped: BTreeMap<String, Time>,
    /// Names for new pods that were found taken, and when.
    pub taken_names: BTreeMap<String, Time>,
    /// The API server has refused to create anything since the namespace is being deleted, which is never taken back.
    pub namespace_terminates: bool,
}

impl Memory {
    /// The names that count as taken, and for how long they still do.
    pub fn names_taken(&self, now: Time) -> impl Iterator<Item = (&String, SignedDuration)> {
        let names = self.taken_names.iter().map(move |(name, since)| {
            (
                name,
                NAME_IS_TAKEN_FOR.saturating_sub(now.duration_since(*since)),
            )
        });
        names.filter(|(_, left)| left.is_positive())
    }
}

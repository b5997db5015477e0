//! What a process remembers of a BroadcastJob. Losing it loses nothing but time.

use std::collections::{BTreeMap, BTreeSet};

use kruise_api::meta::Time;
use kruise_plan::{Event, WaitReason};

/// What a process remembers of a BroadcastJob between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
    /// Events that were told, of what still holds.
    pub told: Vec<Event>,
    /// Pods that this process has stopped, by UID, and when. The job waits for their end (BJ-56).
    pub stopped: BTreeMap<String, Time>,
    /// Names for new pods that were found taken.
    pub taken_names: BTreeSet<String>,
    /// The API server has refused to create anything since the namespace is being deleted, which is never taken back.
    pub namespace_terminates: bool,
}

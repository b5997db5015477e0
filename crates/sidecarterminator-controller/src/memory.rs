//! What a process remembers of a pod. Losing it loses nothing but time.

use kruise_api::meta::Time;
use kruise_plan::{Event, WaitReason};

/// What a process remembers of a pod between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
    /// Events that were told, of what still holds.
    pub told: Vec<Event>,
    /// The request that was found finished although its containers run, and when it was first found so.
    pub in_vain: Option<InVain>,
}

/// A request that has ended, and whose containers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVain {
    /// UID of the request.
    pub uid: String,
    /// When it was found so, by this process's clock.
    pub since: Time,
}

//! A BroadcastJob's status, which is the same in both versions.

use crate::{open_enum::open_enum, spec_parts::JobCondition, wire::wire};

wire! {
    /// What the controller saw last.
    pub struct BroadcastJobStatus {
        /// How the job ended: `Complete` or `Failed`, with status True. None as long as it has not.
        list conditions: JobCondition,
        /// When the job was first looked at.
        time start_time,
        /// When the job ended.
        time completion_time,
        /// Pods that have not ended.
        written active: i32,
        /// Pods that have ended well.
        written succeeded: i32,
        /// Pods that have failed, and those that were stopped.
        written failed: i32,
        /// Nodes that are to be served.
        written desired: i32,
        /// `running`, `paused`, `completed` or `failed`.
        written phase: BroadcastJobPhase,
    }
}

open_enum! {
    /// What becomes of a BroadcastJob at the moment.
    pub enum BroadcastJobPhase {
        /// Nodes are served.
        Running = "running",
        /// Nothing is created or deleted.
        Paused = "paused",
        /// All nodes have been served.
        Completed = "completed",
        /// A pod failed, or the deadline has passed.
        Failed = "failed",
    }
}

impl BroadcastJobStatus {
    /// Whether a condition says that the job has ended (BJ-60).
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.conditions.iter().any(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        })
    }
}

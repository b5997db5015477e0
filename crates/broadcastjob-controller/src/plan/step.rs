//! What a plan says: which writes, in which order, and which status follows. How it comes to them is the business of the
//! other files.

use std::{sync::Arc, time::Duration};

use kruise_api::apps::v1beta1::{BroadcastJobPhase, BroadcastJobStatus};
use kruise_plan::{
    Event, PodRef, WaitReason,
    stage::{Body, Member},
};
use serde_json::Value;

/// What is to be done. Nothing in it is left to choose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Writes to other objects, in order. Each is tried, whatever becomes of the one before it (BJ-36, BJ-37).
    pub steps: Vec<Step>,
    /// Events that belong to no single write, and tell of a moment.
    pub events: Vec<Event>,
    /// The same for what may hold for many passes: told once, until it holds no more.
    pub standing: Vec<Event>,
    /// What the status is to say; none where no status is written.
    pub report: Option<Report>,
    /// Why nothing, or not more, is done; the most telling reason first.
    pub waiting_on: Vec<WaitReason>,
    /// When to look again although nothing changed.
    pub requeue_after: Option<Duration>,
}

impl Plan {
    /// Waits for what a person may have to do, of which an event tells.
    pub(super) fn held_by<'r>(&mut self, reasons: impl IntoIterator<Item = &'r WaitReason>) {
        for reason in reasons {
            let event = Event::warning(reason.reason(), reason.to_string());
            self.standing.push(event);
            self.waiting_on.push(reason.clone());
        }
    }
}

/// One or several writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Delete pods side by side, whatever becomes of the others (BJ-55).
    StopPods {
        /// Which.
        pods: Vec<PodRef>,
    },
    /// Create pods in batches; after a batch with a failure the rest is left (BJ-52).
    CreatePods {
        /// Batches; within one, creations run side by side.
        batches: Vec<Vec<NewPod>>,
    },
    /// Delete the job itself, whose pods follow by garbage collection (BJ-61).
    DeleteJob,
}

/// A pod to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPod {
    /// Its name.
    pub name: String,
    /// The node that it is for.
    pub node: String,
    /// Its metadata.
    pub metadata: Arc<Value>,
    /// Its spec but for the node, shared with the others.
    pub spec: Arc<Value>,
    /// What leads it to its node.
    pub own: [Member; 1],
}

impl NewPod {
    /// The object.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        Body::Parts {
            api_version: "v1",
            kind: "Pod",
            metadata: &self.metadata,
            spec: &self.spec,
            own: &self.own,
        }
    }
}

/// The status as it was counted before any step, and how the job ends if it does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// As counted (BJ-26).
    pub counted: BroadcastJobStatus,
    /// How the job ends, once all that is to be stopped is stopped (BJ-35, BJ-45).
    pub ending: Option<Ending>,
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// The phase that it gets.
    pub phase: BroadcastJobPhase,
    /// Type and reason of the condition that it gets.
    pub condition: &'static str,
    /// What is told.
    pub event: Event,
}

//! Resizes that the API server refused: left alone for a while, so that the other pods go on (DV-IP10).

use std::time::Duration;

use jiff::SignedDuration;
use kruise_api::{meta::Time, pod::Pod, text::Text};

use crate::snapshot::Snapshot;

/// A node may get free at any time, and nobody tells.
const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A resize that the API server refused, and what it was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedResize {
    /// The server's words.
    pub why: String,
    node: Text,
    pod_generation: Option<i64>,
    set_generation: Option<i64>,
    at: Time,
}

impl RefusedResize {
    /// The refusal of this pod's resize, just now.
    #[must_use]
    pub fn new(snapshot: &Snapshot, pod: &Pod, why: String) -> Self {
        Self {
            why,
            node: pod.spec.node_name.clone(),
            pod_generation: pod.metadata.generation,
            set_generation: snapshot.set.metadata.generation,
            at: snapshot.now,
        }
    }

    /// How long the pod is still left alone; none when it is time to try again: node, pod or CloneSet
    /// have changed, or the time is over.
    #[must_use]
    pub fn holds_for(&self, snapshot: &Snapshot, pod: &Pod) -> Option<Duration> {
        let is_same = self.node == pod.spec.node_name
            && self.pod_generation == pod.metadata.generation
            && self.set_generation == snapshot.set.metadata.generation;
        let left = TRIED_AGAIN_AFTER - snapshot.now.duration_since(self.at);
        Duration::try_from(left)
            .ok()
            .filter(|left| is_same && !left.is_zero())
    }
}

//! A CloneSet's status, which is the same in both versions.

use crate::{condition::condition, wire::wire};

wire! {
    /// What the controller saw last.
    pub struct CloneSetStatus {
        /// Generation of the spec that this status is about.
        optional observed_generation: i64,
        /// Pods that are neither finished nor being deleted.
        required replicas: i32,
        /// Of these, pods that are ready.
        required ready_replicas: i32,
        /// Of these, pods that have been ready for minReadySeconds and are in state Normal.
        required available_replicas: i32,
        /// Of these, pods at the update revision.
        required updated_replicas: i32,
        /// Pods at the update revision that are ready.
        required updated_ready_replicas: i32,
        /// Pods at the update revision that are available.
        omitempty updated_available_replicas: i32,
        /// Pods that shall be at the update revision: replicas without the partition.
        omitempty expected_updated_replicas: i32,
        /// Name of the revision of the last completed roll-out.
        omitempty current_revision: String,
        /// Name of the revision of the template.
        omitempty update_revision: String,
        /// How often two templates had the same hash.
        optional collision_count: i32,
        /// The selector as text, for the scale subresource.
        omitempty label_selector: String,
        /// What holds now.
        list conditions: CloneSetCondition,
    }
}

wire! {
    /// One condition of a CloneSet.
    pub struct CloneSetCondition {
        /// Type of the condition.
        #[serde(rename = "type")]
        required type_: String,
        /// `True`, `False` or `Unknown`.
        required status: String,
        /// When the condition was last written.
        time last_update_time,
        /// When the status last changed.
        time last_transition_time,
        /// Word for why.
        omitempty reason: String,
        /// Sentence for why.
        omitempty message: String,
    }
}

condition!(CloneSetCondition, last_update_time);

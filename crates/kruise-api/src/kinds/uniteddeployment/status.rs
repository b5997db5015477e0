//! Parts of a UnitedDeployment's status that are the same in both versions.

use crate::{condition::condition, spec_parts::WorkloadCondition, wire::wire};

wire! {
    /// What was seen of one group of nodes.
    pub struct UnitedDeploymentSubsetStatus {
        /// Name of the group.
        omitempty name: String,
        /// Pods that the group shall have.
        omitempty replicas: i32,
        /// Pods of the group that are ready.
        omitempty ready_replicas: i32,
        /// Pods of the group that shall keep their old revision.
        omitempty partition: i32,
        /// Pods of the group that find no node, and for which other groups stand in.
        omitempty reserved_pods: i32,
        /// What holds of the group now.
        list conditions: WorkloadCondition,
    }

    /// One condition of a UnitedDeployment.
    pub struct UnitedDeploymentCondition {
        /// Type of the condition.
        #[serde(rename = "type")]
        omitempty type_: String,
        /// `True`, `False` or `Unknown`.
        omitempty status: String,
        /// When the status last changed.
        time last_transition_time,
        /// Word for why.
        omitempty reason: String,
        /// Sentence for why.
        omitempty message: String,
    }
}

condition!(UnitedDeploymentCondition);

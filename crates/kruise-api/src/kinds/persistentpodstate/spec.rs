//! Parts of a PersistentPodState that are the same in both versions.

use crate::{open_enum::open_enum, wire::wire};

wire! {
    /// An annotation of pods.
    pub struct PersistentPodAnnotation {
        /// The annotation's key.
        required key: String,
    }
}

open_enum! {
    /// Until when pods are remembered.
    pub enum PersistentPodStateRetentionPolicy {
        /// Until they are scaled away.
        WhenScaled = "WhenScaled",
        /// Until the workload is deleted.
        WhenDeleted = "WhenDeleted",
    }
}

wire! {
    /// What is remembered.
    pub struct PersistentPodStateStatus {
        /// Generation of the spec that was looked at last.
        required observed_generation: i64,
        /// What is remembered of each pod, by the pod's name.
        map pod_states: PodState,
    }

    /// Where a pod last became ready.
    pub struct PodState {
        /// The pod's node.
        omitempty node_name: String,
        /// Those labels of the node that the spec asks for.
        map node_topology_labels: String,
        /// Those annotations of the pod that the spec asks for.
        map annotations: String,
    }
}

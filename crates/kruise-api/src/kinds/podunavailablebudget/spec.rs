//! Parts of a PodUnavailableBudget that are the same in both versions.

use crate::{open_enum::open_enum, wire::wire};

wire! {
    /// The workload whose pods are protected.
    pub struct TargetReference {
        /// Group and version. Only the group counts.
        omitempty api_version: String,
        /// Kind.
        omitempty kind: String,
        /// Name.
        omitempty name: String,
    }
}

open_enum! {
    /// What is done to a pod at the expense of a budget.
    pub enum ProtectedOperation {
        /// The pod is deleted.
        Delete = "DELETE",
        /// The pod's spec is changed in place.
        Update = "UPDATE",
        /// The pod is evicted.
        Evict = "EVICT",
        /// The pod's resources are changed in place.
        Resize = "RESIZE",
    }
}

wire! {
    /// What the controller saw last, and what was spent since.
    pub struct PodUnavailableBudgetStatus {
        /// Generation of the spec that this status is about.
        optional observed_generation: i64,
        /// Pods whose deletion, eviction or resize was allowed and is not seen yet, and when it was allowed.
        times disrupted_pods,
        /// Pods whose update was allowed and is not seen yet, and when it was allowed.
        times unavailable_pods,
        /// How many more pods may become unavailable.
        required unavailable_allowed: i32,
        /// Pods that are available.
        required current_available: i32,
        /// Pods that must stay available.
        required desired_available: i32,
        /// Pods that there should be.
        required total_replicas: i32,
    }
}

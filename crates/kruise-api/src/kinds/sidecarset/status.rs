//! A SidecarSet's status, the same in both versions.

use crate::wire::wire;

wire! {
    /// What the controller saw last.
    pub struct SidecarSetStatus {
        /// Generation of the spec that this status is about.
        omitempty observed_generation: i64,
        /// Pods that the SidecarSet is for.
        required matched_pods: i32,
        /// Pods of these that have the newest containers.
        required updated_pods: i32,
        /// Pods of these that are ready.
        required ready_pods: i32,
        /// Pods of these that have the newest containers and are ready.
        omitempty updated_ready_pods: i32,
        /// Name of the newest ControllerRevision.
        omitempty latest_revision: String,
        /// How often the name of a ControllerRevision was taken already.
        optional collision_count: i32,
    }
}

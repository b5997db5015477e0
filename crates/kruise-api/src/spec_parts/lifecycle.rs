//! Hooks by which others hold a pod in a state of its life.

use crate::wire::wire;

wire! {
    /// Hooks of a pod's life.
    pub struct Lifecycle {
        /// Holds a pod before it is deleted.
        optional pre_delete: LifecycleHook,
        /// Holds a pod before and after an update in place.
        optional in_place_update: LifecycleHook,
        /// Holds a new pod before it counts as normal.
        optional pre_normal: LifecycleHook,
    }
}

wire! {
    /// Labels and finalizers by which a pod is held.
    pub struct LifecycleHook {
        /// Labels that hold the pod.
        optional_map labels_handler: String,
        /// Finalizers that hold the pod.
        optional_list finalizers_handler: String,
        /// Whether the pod is made not ready while it is held. No effect on preNormal.
        optional mark_pod_not_ready: bool,
    }
}

//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::DaemonSetUpdateStrategy;
use crate::{
    custom_object::CustomObject,
    int_or_string::IntOrString,
    meta::LabelSelector,
    object::custom_resource,
    resource::Resource,
    spec_parts::{Lifecycle, WorkloadCondition},
    wire::wire,
};

wire! {
    /// What a DaemonSet shall be.
    pub struct DaemonSetSpec {
        /// Which pods belong to the DaemonSet. Must match the labels of the template. Can't be changed.
        required selector: LabelSelector,
        /// What each pod is made from.
        // An absent template is null here, and stays absent on the wire.
        required_raw template,
        /// How pods are moved to a new template.
        optional update_strategy: DaemonSetUpdateStrategy,
        /// Seconds that a pod must be ready before it counts as available. Defaults to 0.
        omitempty min_ready_seconds: i32,
        /// How many pods are made at most in one go, and how many deleted or updated in place: a number, or a percentage
        /// of the nodes that should run a pod, rounded down. Defaults to 250.
        optional burst_replicas: IntOrString,
        /// How many old revisions are kept. Defaults to 10.
        optional revision_history_limit: i32,
        /// Hooks by which others hold a pod. Only preDelete has an effect; inPlaceUpdate is refused.
        optional lifecycle: Lifecycle,
        /// How pods are added.
        optional scale_strategy: DaemonSetScaleStrategy,
    }
}

wire! {
    /// How pods are added.
    pub struct DaemonSetScaleStrategy {
        /// Whether the partition of the update also counts for nodes that have no pod yet: as many nodes as it keeps at the
        /// old revision get none. Defaults to false.
        omitempty partitioned_scaling: bool,
    }
}

wire! {
    /// What the controller saw last.
    pub struct DaemonSetStatus {
        /// Generation of the spec that this status is about.
        omitempty observed_generation: i64,
        /// Nodes that should run a pod and do.
        required current_number_scheduled: i32,
        /// Nodes that run a pod and should not.
        required number_misscheduled: i32,
        /// Nodes that should run a pod.
        required desired_number_scheduled: i32,
        /// Nodes that should run a pod and have a ready one.
        required number_ready: i32,
        /// Nodes that should run a pod and have one at the update revision.
        required updated_number_scheduled: i32,
        /// Nodes that should run a pod and have one that has been ready for minReadySeconds.
        omitempty number_available: i32,
        /// Nodes that should run a pod and have none that is available.
        omitempty number_unavailable: i32,
        /// How often two templates had the same hash.
        optional collision_count: i32,
        /// What holds now. The controller sets no conditions.
        list conditions: WorkloadCondition,
        /// Hash of the revision of the template.
        omitempty update_revision: String,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "DaemonSet",
    "daemonsets"
);

/// One pod of a template on every node that fits, updated in place where possible.
pub type DaemonSet = CustomObject<V1beta1, DaemonSetSpec, DaemonSetStatus>;

/// DaemonSets, as calls about them name them.
pub const DAEMONSETS: Resource = Resource::in_namespaces::<V1beta1>();

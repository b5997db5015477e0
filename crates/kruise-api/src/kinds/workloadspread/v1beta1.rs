//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::{TargetFilter, WorkloadSpreadScheduleStrategy};
use crate::{
    custom_object::CustomObject,
    int_or_string::IntOrString,
    object::custom_resource,
    resource::Resource,
    spec_parts::{
        MetaCondition, NodeSelectorTerm, PreferredSchedulingTerm, TargetReference, Toleration,
    },
    wire::wire,
};

wire! {
    /// Which workload is spread, and over what.
    pub struct WorkloadSpreadSpec {
        /// The workload: a CloneSet, Deployment, ReplicaSet, StatefulSet or Job, or another kind that the installation
        /// allows. Its group, kind and name can't be changed.
        required target_ref: TargetReference,
        /// Which pods of the workload are meant. Absent: all.
        optional target_filter: TargetFilter,
        /// Where pods may run, the best first. A new pod goes to the first subset that has a place. When the workload is
        /// scaled in, pods of the last subset leave first.
        required_list subsets: WorkloadSpreadSubset,
        /// What becomes of pods for which a subset has no room.
        optional schedule_strategy: WorkloadSpreadScheduleStrategy,
    }

    /// A part of the nodes, and what pods need to run there.
    pub struct WorkloadSpreadSubset {
        /// Name of the subset. It has to be unique.
        required name: String,
        /// Requirements on nodes, which are added to those of the pod.
        optional required_node_selector: NodeSelectorTerm,
        /// Wishes for nodes, which are added to those of the pod.
        list preferred_node_selector: PreferredSchedulingTerm,
        /// Taints that the pods accept besides.
        list tolerations: Toleration,
        /// How many pods the subset has places for: a number, or a percentage of the workload's replicas, rounded up.
        /// Absent: any number. All subsets that have it need the same form, and a StatefulSet's need numbers.
        optional max_replicas: IntOrString,
        /// What else pods of the subset get: a strategic merge patch of the pod.
        raw patch,
    }

    /// How pods are spread.
    pub struct WorkloadSpreadStatus {
        /// Generation of the spec that was looked at last.
        omitempty observed_generation: i64,
        /// Subsets with the pods of all versions of the workload, in the order of the spec.
        list subset_statuses: WorkloadSpreadSubsetStatus,
        /// Subsets with the pods of each version of the workload.
        lists versioned_subset_statuses: WorkloadSpreadSubsetStatus,
    }

    /// Pods of a subset.
    pub struct WorkloadSpreadSubsetStatus {
        /// Name of the subset.
        required name: String,
        /// Pods that have not ended and are not being deleted.
        required replicas: i32,
        /// Places that are free; -1 where there is no limit.
        required missing_replicas: i32,
        /// Pods that have a place and are not seen yet, and when they got it.
        times creating_pods,
        /// Pods whose deletion was allowed and is not seen yet, and when it was.
        times deleting_pods,
        /// `Schedulable`: whether nodes can take the pods.
        #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
        list conditions: MetaCondition,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "WorkloadSpread",
    "workloadspreads"
);

/// The pods of a workload, spread over subsets of the nodes.
pub type WorkloadSpread = CustomObject<V1beta1, WorkloadSpreadSpec, WorkloadSpreadStatus>;

/// WorkloadSpreads, as calls about them name them.
pub const WORKLOADSPREADS: Resource = Resource::in_namespaces::<V1beta1>();

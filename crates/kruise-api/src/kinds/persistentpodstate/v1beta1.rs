//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::{
    PersistentPodAnnotation, PersistentPodStateRetentionPolicy, PersistentPodStateStatus,
};
use crate::{
    custom_object::CustomObject, object::custom_resource, resource::Resource,
    spec_parts::TargetReference, wire::wire,
};

wire! {
    /// Which pods are remembered, and what brings them back.
    pub struct PersistentPodStateSpec {
        /// The workload whose pods are remembered: a StatefulSet, or another kind that the installation allows. It
        /// can't be changed.
        required target_ref: TargetReference,
        /// Annotations of pods that are recorded in the status. Nothing puts them back on new pods.
        list persistent_pod_annotations: PersistentPodAnnotation,
        /// Labels of nodes: a new pod runs only where they are as they were on its predecessor's node. Either this or
        /// preferredPersistentTopology has to be given.
        optional required_persistent_topology: NodeTopologyTerm,
        /// Labels of nodes: a new pod preferably runs where they are as they were on its predecessor's node.
        list preferred_persistent_topology: PreferredTopologyTerm,
        /// `WhenScaled` (the default): a pod is forgotten when it is scaled away. `WhenDeleted`: it is remembered until
        /// the workload is deleted.
        #[schemars(extend("enum" = ["WhenScaled", "WhenDeleted"]))]
        omitempty persistent_pod_state_retention_policy: PersistentPodStateRetentionPolicy,
    }

    /// Labels of nodes.
    pub struct NodeTopologyTerm {
        /// Keys of the labels. One that the node lacked has no effect.
        required_list keys: String,
    }

    /// Labels of nodes that are preferred.
    pub struct PreferredTopologyTerm {
        /// How much the labels count, from 1 to 100. Below, they don't count; above, they count as 100.
        #[schemars(extend("minimum" = 0))]
        required weight: i32,
        /// The labels.
        required preference: NodeTopologyTerm,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "PersistentPodState",
    "persistentpodstates"
);

/// Where each pod of a workload last became ready.
pub type PersistentPodState =
    CustomObject<V1beta1, PersistentPodStateSpec, PersistentPodStateStatus>;

/// PersistentPodStates, as calls about them name them.
pub const PERSISTENTPODSTATES: Resource = Resource::in_namespaces::<V1beta1>();

//! Version v1beta1: what the API server stores and controllers speak.

use serde_json::Value;

use super::{
    spec::{
        PodManagementPolicyType, StatefulSetOrdinals,
        StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetScaleStrategy,
        StatefulSetUpdateStrategy, VolumeClaimUpdateStrategy,
    },
    status::StatefulSetStatus,
};
use crate::{
    custom_object::CustomObject, int_or_string::IntOrString, meta::LabelSelector,
    object::custom_resource, resource::Resource, spec_parts::Lifecycle, wire::wire,
};

wire! {
    /// What a StatefulSet shall be.
    pub struct StatefulSetSpec {
        /// Number of pods wanted. Defaults to 1.
        optional replicas: i32,
        /// Which pods belong to the StatefulSet. Must match the labels of the template. Can't be changed.
        required selector: LabelSelector,
        /// What each pod is made from.
        // An absent template is null here, and stays absent on the wire.
        required_raw template,
        /// Volume claims that each pod gets of its own, and keeps when it is made anew.
        #[schemars(schema_with = "crate::definition::structural::preserved")]
        optional_list volume_claim_templates: Value,
        /// The headless Service under which the pods have names. It is neither made nor checked. Can't be changed.
        omitempty service_name: String,
        /// `OrderedReady` (the default): each pod waits until all of lower ordinals are ready. `Parallel`: no pod waits.
        /// Can't be changed.
        omitempty pod_management_policy: PodManagementPolicyType,
        /// How pods are moved to a new template.
        optional update_strategy: StatefulSetUpdateStrategy,
        /// How many old revisions are kept besides those in use. Defaults to 10.
        optional revision_history_limit: i32,
        /// Numbers that no pod gets: a number, or a range such as "2-5" with both of its ends. As many pods get higher
        /// numbers instead.
        list reserve_ordinals: IntOrString,
        /// Hooks by which others hold a pod before deletion, around an update in place, and before it counts as normal.
        optional lifecycle: Lifecycle,
        /// How pods are added.
        optional scale_strategy: StatefulSetScaleStrategy,
        /// What becomes of claims that no pod needs any longer.
        optional persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy,
        /// Which numbers pods have. Feature gate StatefulSetStartOrdinal.
        optional ordinals: StatefulSetOrdinals,
        /// How a change of the claim templates reaches claims that there are. Feature gate StatefulSetAutoResizePVCGate.
        optional volume_claim_update_strategy: VolumeClaimUpdateStrategy,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "StatefulSet",
    "statefulsets"
);

/// Pods with stable names and claims of their own, updated in place where possible.
pub type StatefulSet = CustomObject<V1beta1, StatefulSetSpec, StatefulSetStatus>;

/// StatefulSets, as calls about them name them.
pub const STATEFULSETS: Resource = Resource::in_namespaces::<V1beta1>();

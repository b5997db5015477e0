//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use serde_json::Value;

use super::spec::{PodManagementPolicyType, StatefulSetUpdateStrategy};
use crate::{
    custom_object::CustomObject, meta::LabelSelector, object::custom_resource,
    spec_parts::WorkloadCondition, wire::wire,
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
    }
}

wire! {
    /// What the controller saw last.
    pub struct StatefulSetStatus {
        /// Generation of the spec that this status is about.
        optional observed_generation: i64,
        /// Pods that there are.
        required replicas: i32,
        /// Of these, pods that are ready.
        required ready_replicas: i32,
        /// Of these, pods that have been ready for minReadySeconds.
        required available_replicas: i32,
        /// Of these, pods at the revision of the last completed roll-out.
        required current_replicas: i32,
        /// Of these, pods at the revision of the template.
        required updated_replicas: i32,
        /// Name of the revision of the last completed roll-out.
        omitempty current_revision: String,
        /// Name of the revision of the template.
        omitempty update_revision: String,
        /// How often two templates had the same hash.
        optional collision_count: i32,
        /// What holds now.
        list conditions: WorkloadCondition,
        /// The selector as text, for the scale subresource.
        omitempty label_selector: String,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "StatefulSet",
    "statefulsets"
);

/// Pods with stable names and claims of their own, updated in place where possible.
pub type StatefulSet = CustomObject<V1alpha1, StatefulSetSpec, StatefulSetStatus>;

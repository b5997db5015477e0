//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::{PodUnavailableBudgetStatus, ProtectedOperation, TargetReference};
use crate::{
    custom_object::CustomObject, int_or_string::IntOrString, meta::LabelSelector,
    object::custom_resource, resource::Resource, wire::wire,
};

wire! {
    /// Which pods are protected, and how many of them may be unavailable at a time.
    pub struct PodUnavailableBudgetSpec {
        /// Pods of the same namespace that are protected. Either this or targetRef has to be given. It can't be
        /// changed.
        optional selector: LabelSelector,
        /// The workload of the same namespace whose pods are protected. It can't be changed.
        optional target_ref: TargetReference,
        /// How many pods may be unavailable: a number, or a percentage of all, rounded up. Either this or
        /// minAvailable has to be given.
        optional max_unavailable: IntOrString,
        /// How many pods must stay available: a number, or a percentage of all, rounded up.
        optional min_available: IntOrString,
        /// What is refused once the budget is spent: DELETE, UPDATE, EVICT and RESIZE. Defaults to DELETE,
        /// EVICT and UPDATE.
        #[schemars(schema_with = "operations")]
        list protect_operations: ProtectedOperation,
        /// How many pods there should be, in place of what the workloads say.
        #[schemars(extend("minimum" = 1))]
        optional protect_total_replicas: i32,
        /// Pods that are never protected. It must not be empty.
        optional ignored_pod_selector: LabelSelector,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "policy.kruise.io",
    "v1beta1",
    "PodUnavailableBudget",
    "podunavailablebudgets"
);

/// How many pods of an application may be made unavailable at a time by deletion, eviction and update.
pub type PodUnavailableBudget =
    CustomObject<V1beta1, PodUnavailableBudgetSpec, PodUnavailableBudgetStatus>;

/// PodUnavailableBudgets, as calls about them name them.
pub const PODUNAVAILABLEBUDGETS: Resource = Resource::in_namespaces::<V1beta1>();

/// Schema of the operations, which are all that there are.
fn operations(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": ["DELETE", "UPDATE", "EVICT", "RESIZE"] },
    })
}

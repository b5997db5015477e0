//! Version v1beta1: what the API server stores and controllers speak.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::{PodUnavailableBudgetStatus, ProtectedOperation, TargetReference};
use crate::{
    custom_object::CustomObject,
    int_or_string::IntOrString,
    meta::{LabelSelector, UnknownFields, list},
    object::custom_resource,
    resource::Resource,
};

/// Which pods are protected, and how many of them may be unavailable at a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodUnavailableBudgetSpec {
    /// Pods of the same namespace that are protected. Either this or targetRef has to be given. It can't be
    /// changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// The workload of the same namespace whose pods are protected. It can't be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<TargetReference>,
    /// How many pods may be unavailable: a number, or a percentage of all, rounded up. Either this or
    /// minAvailable has to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// How many pods must stay available: a number, or a percentage of all, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<IntOrString>,
    /// What is refused once the budget is spent: DELETE, UPDATE, EVICT and RESIZE. Defaults to DELETE,
    /// EVICT and UPDATE.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "list"
    )]
    #[schemars(schema_with = "operations")]
    pub protect_operations: Vec<ProtectedOperation>,
    /// How many pods there should be, in place of what the workloads say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = 1))]
    pub protect_total_replicas: Option<i32>,
    /// Pods that are never protected. It must not be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_pod_selector: Option<LabelSelector>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
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

//! What is read of a PodUnavailableBudget. What follows from it is in [`crate::budget`].

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    meta::{LabelSelector, ObjectMeta, Time, list, map, null_as_default},
    object::{CustomResource, custom_resource, object},
    resource::Resource,
};

/// A budget as those who ask for it read it: a slim projection in the storage version that is never written
/// back, so that the fields it leaves out survive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodUnavailableBudget {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the user wants.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodUnavailableBudgetSpec,
    /// What is left, and to whom it went.
    #[serde(deserialize_with = "null_as_default")]
    pub status: PodUnavailableBudgetStatus,
}

custom_resource!(
    PodUnavailableBudget,
    "policy.kruise.io",
    "v1beta1",
    "PodUnavailableBudget",
    "podunavailablebudgets"
);
object!(PodUnavailableBudget);

/// PodUnavailableBudgets, which another deployable owns.
pub const POD_UNAVAILABLE_BUDGETS: Resource = Resource {
    group: PodUnavailableBudget::GROUP,
    version: PodUnavailableBudget::VERSION,
    plural: PodUnavailableBudget::PLURAL,
    kind: PodUnavailableBudget::KIND,
    namespaced: true,
};

/// What the decision reads of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodUnavailableBudgetSpec {
    /// The operations that cost budget, by their words; empty: see [`PodUnavailableBudget::protects`].
    #[serde(deserialize_with = "list")]
    pub protect_operations: Vec<String>,
    /// Pods that are never protected.
    pub ignored_pod_selector: Option<LabelSelector>,
}

/// What the decision reads of a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodUnavailableBudgetStatus {
    /// Pods whose deletion, eviction or resize was allowed and is not seen yet, and when it was.
    #[serde(deserialize_with = "map")]
    pub disrupted_pods: BTreeMap<String, Time>,
    /// Pods whose update was allowed, and when.
    #[serde(deserialize_with = "map")]
    pub unavailable_pods: BTreeMap<String, Time>,
    /// How many more pods may become unavailable.
    #[serde(deserialize_with = "null_as_default")]
    pub unavailable_allowed: i32,
    /// How many pods must stay available; 0 also where it was never computed.
    #[serde(deserialize_with = "null_as_default")]
    pub desired_available: i32,
}

//! Parts of a PodUnavailableBudget that are the same in both versions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    definition::structural::times,
    meta::{Time, UnknownFields, is_zero, map, null_as_default, wire_time},
    open_enum::open_enum,
};

/// The workload whose pods are protected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetReference {
    /// Group and version. Only the group counts.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub api_version: String,
    /// Kind.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub kind: String,
    /// Name.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub name: String,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

open_enum! {
    /// What is done to a pod at the expense of a budget.
    pub enum ProtectedOperation {
        /// The pod is deleted.
        Delete = "DELETE",
        /// The pod's spec is changed in place.
        Update = "UPDATE",
        /// The pod is evicted.
        Evict = "EVICT",
        /// The pod's resources are changed in place.
        Resize = "RESIZE",
    }
}

/// What the controller saw last, and what was spent since.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodUnavailableBudgetStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods whose deletion, eviction or resize was allowed and is not seen yet, and when it was allowed.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "map",
        serialize_with = "wire_time::map"
    )]
    #[schemars(schema_with = "times")]
    pub disrupted_pods: BTreeMap<String, Time>,
    /// Pods whose update was allowed and is not seen yet, and when it was allowed.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "map",
        serialize_with = "wire_time::map"
    )]
    #[schemars(schema_with = "times")]
    pub unavailable_pods: BTreeMap<String, Time>,
    /// How many more pods may become unavailable.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub unavailable_allowed: i32,
    /// Pods that are available.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub current_available: i32,
    /// Pods that must stay available.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub desired_available: i32,
    /// Pods that there should be.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub total_replicas: i32,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

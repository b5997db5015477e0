//! Hooks by which others hold a pod in a state of its life.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{StringMap, UnknownFields, optional_list, optional_map};

/// Hooks of a pod's life.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle {
    /// Holds a pod before it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_delete: Option<LifecycleHook>,
    /// Holds a pod before and after an update in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_update: Option<LifecycleHook>,
    /// Holds a new pod before it counts as normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_normal: Option<LifecycleHook>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// Labels and finalizers by which a pod is held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LifecycleHook {
    /// Labels that hold the pod.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_map"
    )]
    pub labels_handler: Option<StringMap>,
    /// Finalizers that hold the pod.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    pub finalizers_handler: Option<Vec<String>>,
    /// Whether the pod is made not ready while it is held. No effect on preNormal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_pod_not_ready: Option<bool>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

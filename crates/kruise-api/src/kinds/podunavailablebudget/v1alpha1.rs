//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::{PodUnavailableBudgetStatus, TargetReference};
use crate::{
    custom_object::CustomObject,
    int_or_string::IntOrString,
    meta::{LabelSelector, UnknownFields},
    object::custom_resource,
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
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "policy.kruise.io",
    "v1alpha1",
    "PodUnavailableBudget",
    "podunavailablebudgets"
);

/// How many pods of an application may be made unavailable at a time by deletion, eviction and update.
pub type PodUnavailableBudget =
    CustomObject<V1alpha1, PodUnavailableBudgetSpec, PodUnavailableBudgetStatus>;

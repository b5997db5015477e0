//! Version v1beta1: what the API server stores and controllers speak.

mod status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{spec, update_terms::CloneSetUpdateTerms};
use crate::{
    int_or_string::IntOrString,
    meta::{ObjectMeta, UnknownFields, null_as_default, optional_list},
    object::{ApiVersion, CustomResource, Kind, custom_resource, object},
    open_enum::open_enum,
    resource::Resource,
};

pub use status::{CloneSetCondition, CloneSetStatus};

/// A number of interchangeable pods made from one template, updated in place where possible.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloneSet {
    /// Group and version.
    #[serde(default)]
    pub api_version: ApiVersion<Self>,
    /// Kind.
    #[serde(default)]
    pub kind: Kind<Self>,
    /// Metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: CloneSetSpec,
    /// What the controller saw last.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: CloneSetStatus,
}

custom_resource!(
    CloneSet,
    "apps.kruise.io",
    "v1beta1",
    "CloneSet",
    "clonesets"
);
object!(CloneSet);

/// CloneSets, as calls about them name them.
pub const CLONESETS: Resource = Resource {
    group: CloneSet::GROUP,
    version: CloneSet::VERSION,
    plural: CloneSet::PLURAL,
    kind: CloneSet::KIND,
    namespaced: true,
};

/// What a CloneSet shall be.
pub type CloneSetSpec = spec::CloneSetSpec<CloneSetScaleStrategy, CloneSetUpdateStrategy>;

/// How pods are added and taken away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetScaleStrategy {
    /// Names of pods to delete first. Names that no longer exist are taken off the list.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    pub pods_to_delete: Option<Vec<String>>,
    /// How many pods may be unavailable while pods are added: a number, or a percentage of
    /// replicas, rounded up. Unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Whether the volume claims of a pod that vanished are used by the next pod, which then gets
    /// its name as well. Defaults to false.
    #[serde(
        default,
        rename = "enablePVCReuse",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(extend("default" = false))]
    pub enable_pvc_reuse: Option<bool>,
    /// Whether pods that wait for a hook before their deletion are left out when pods are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_preparing_delete: Option<bool>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// How pods are moved to a new template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetUpdateStrategy {
    /// `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the new template.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<CloneSetUpdateStrategyType>,
    /// The terms of a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdateCloneSetStrategy>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

open_enum! {
    /// Whether a CloneSet moves pods to a new template by itself.
    pub enum CloneSetUpdateStrategyType {
        /// The CloneSet does, on the terms of `rollingUpdate`.
        RollingUpdate = "RollingUpdate",
        /// The CloneSet does not. Only pods that are made anew get the new template.
        OnDelete = "OnDelete",
    }
}

open_enum! {
    /// How a pod is moved to a new template.
    pub enum PodUpdatePolicy {
        /// The pod is deleted, and another is made.
        ReCreate = "ReCreate",
        /// In place where the difference allows it, otherwise as with `ReCreate`.
        InPlaceIfPossible = "InPlaceIfPossible",
        /// In place, or not at all.
        InPlaceOnly = "InPlaceOnly",
    }
}

/// The terms of a rolling update.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdateCloneSetStrategy {
    /// `ReCreate` (the default), `InPlaceIfPossible` or `InPlaceOnly`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_update_policy: Option<PodUpdatePolicy>,
    /// The terms themselves.
    #[serde(flatten)]
    pub terms: CloneSetUpdateTerms,
}

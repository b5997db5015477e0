//! Version v1beta1: what the API server stores and controllers speak.

mod status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{spec, update_terms::CloneSetUpdateTerms};
use crate::{
    int_or_string::IntOrString,
    meta::{ObjectMeta, null_as_default},
    object::{ApiVersion, CustomResource, Kind, custom_resource, object},
    open_enum::open_enum,
    resource::Resource,
    wire::wire,
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

wire! {
    /// How pods are added and taken away.
    pub struct CloneSetScaleStrategy {
        /// Names of pods to delete first. Names that no longer exist are taken off the list.
        optional_list pods_to_delete: String,
        /// How many pods may be unavailable while pods are added: a number, or a percentage of
        /// replicas, rounded up. Unset: no limit.
        optional max_unavailable: IntOrString,
        /// Whether the volume claims of a pod that vanished are used by the next pod, which then gets
        /// its name as well. Defaults to false.
        #[serde(rename = "enablePVCReuse")]
        #[schemars(extend("default" = false))]
        optional enable_pvc_reuse: bool,
        /// Whether pods that wait for a hook before their deletion are left out when pods are counted.
        optional exclude_preparing_delete: bool,
    }
}

wire! {
    /// How pods are moved to a new template.
    pub struct CloneSetUpdateStrategy {
        /// `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the new template.
        #[serde(rename = "type")]
        optional type_: CloneSetUpdateStrategyType,
        /// The terms of a rolling update.
        optional rolling_update: RollingUpdateCloneSetStrategy,
    }
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

//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.
//! Its status is that of v1beta1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{spec, update_terms::CloneSetUpdateTerms, v1beta1::CloneSetStatus};
use crate::{
    int_or_string::IntOrString,
    meta::{ObjectMeta, null_as_default},
    object::{ApiVersion, Kind, custom_resource},
    open_enum::open_enum,
    wire::wire,
};

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
    "v1alpha1",
    "CloneSet",
    "clonesets"
);

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
        /// Whether the volume claims of a pod that vanished are left to garbage collection, instead of being
        /// used by the next pod. Defaults to false: they are used again.
        #[serde(rename = "disablePVCReuse")]
        optional disable_pvc_reuse: bool,
    }
}

/// How pods are moved to a new template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetUpdateStrategy {
    /// `ReCreate` (the default), `InPlaceIfPossible` or `InPlaceOnly`. `OnDelete` is shown for objects
    /// that were made through v1beta1, and can be set only there.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<CloneSetUpdateStrategyType>,
    /// The terms on which pods are moved.
    #[serde(flatten)]
    pub terms: CloneSetUpdateTerms,
}

open_enum! {
    /// How a pod is moved to a new template.
    pub enum CloneSetUpdateStrategyType {
        /// The pod is deleted, and another is made.
        ReCreate = "ReCreate",
        /// In place where the difference allows it, otherwise as with `ReCreate`.
        InPlaceIfPossible = "InPlaceIfPossible",
        /// In place, or not at all.
        InPlaceOnly = "InPlaceOnly",
        /// The pod is not moved. Only pods that are made anew get the new template.
        OnDelete = "OnDelete",
    }
}

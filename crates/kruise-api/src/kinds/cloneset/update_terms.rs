//! The terms of an update. Both versions have them, in different places.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    int_or_string::IntOrString,
    meta::{UnknownFields, optional_list},
    spec_parts::{InPlaceUpdateStrategy, UpdatePriorityStrategy, UpdateScatterTerm},
};

/// The terms on which a CloneSet moves pods to a new template: one shape, which v1beta1 has in
/// `updateStrategy.rollingUpdate` and v1alpha1 in `updateStrategy` itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetUpdateTerms {
    /// How many pods keep their old revision: a number, or a percentage of replicas, rounded up.
    /// Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<IntOrString>,
    /// How many pods may be unavailable during the update: a number, or a percentage of replicas,
    /// rounded up without maxSurge and down with it. Defaults to 20%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// How many pods there may be above replicas during the update: a number, or a percentage of
    /// replicas, rounded up. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
    /// Whether no further pod is updated. Scaling goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Which pods are updated first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_strategy: Option<UpdatePriorityStrategy>,
    /// Labels whose pods are spread over the order of the update.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    pub scatter_strategy: Option<Vec<UpdateScatterTerm>>,
    /// The terms of an update in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_update_strategy: Option<InPlaceUpdateStrategy>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

//! The order in which pods are updated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{LabelSelector, UnknownFields, null_as_default, optional_list};

/// Which pods are updated first. Only one of the two forms may be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePriorityStrategy {
    /// The weights of all terms that match a pod are added up; higher sums go first.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    pub weight_priority: Option<Vec<UpdatePriorityWeightTerm>>,
    /// Pods are ordered by the number at the end of the value of the first of these labels that
    /// they have; higher numbers go first.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    pub order_priority: Option<Vec<UpdatePriorityOrderTerm>>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// A weight for the pods that a selector matches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePriorityWeightTerm {
    /// From 0 to 100.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub weight: i32,
    /// Which pods get the weight.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub match_selector: LabelSelector,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// A label whose value orders pods.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePriorityOrderTerm {
    /// The label's key.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub ordered_key: String,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// A label with a value whose pods are spread over the order of the update.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateScatterTerm {
    /// The label's key.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub key: String,
    /// The label's value.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub value: String,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

//! A CloneSet's status, which is the same in both versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::meta::{Time, UnknownFields, list, null_as_default, wire_time};

/// What the controller saw last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Pods that are neither finished nor being deleted.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub replicas: i32,
    /// Of these, pods that are ready.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub ready_replicas: i32,
    /// Of these, pods that have been ready for minReadySeconds and are in state Normal.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub available_replicas: i32,
    /// Of these, pods at the update revision.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub updated_replicas: i32,
    /// Pods at the update revision that are ready.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub updated_ready_replicas: i32,
    /// Pods at the update revision that are available.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub updated_available_replicas: i32,
    /// Pods that shall be at the update revision: replicas without the partition.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub expected_updated_replicas: i32,
    /// Name of the revision of the last completed roll-out.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub current_revision: String,
    /// Name of the revision of the template.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub update_revision: String,
    /// How often two templates had the same hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// The selector as text, for the scale subresource.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub label_selector: String,
    /// What holds now.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "list"
    )]
    pub conditions: Vec<CloneSetCondition>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// One condition of a CloneSet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetCondition {
    /// Type of the condition.
    #[serde(default, rename = "type", deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub status: String,
    /// When the condition was last written.
    #[serde(default, with = "wire_time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_update_time: Option<Time>,
    /// When the status last changed.
    #[serde(default, with = "wire_time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_transition_time: Option<Time>,
    /// Word for why.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub reason: String,
    /// Sentence for why.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub message: String,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

impl Condition for CloneSetCondition {
    fn new(type_: &str, status: &str, reason: &str, message: String, at: Time) -> Self {
        Self {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time: Some(at),
            ..Self::default()
        }
    }

    fn type_(&self) -> &str {
        &self.type_
    }

    fn status(&self) -> &str {
        &self.status
    }

    fn reason(&self) -> &str {
        &self.reason
    }

    fn message(&self) -> &str {
        &self.message
    }

    fn last_transition_time(&self) -> Option<Time> {
        self.last_transition_time
    }

    fn set_message(&mut self, message: String) {
        self.message = message;
    }

    fn set_last_transition_time(&mut self, at: Option<Time>) {
        self.last_transition_time = at;
    }

    fn set_last_update_time(&mut self, at: Time) {
        self.last_update_time = Some(at);
    }
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

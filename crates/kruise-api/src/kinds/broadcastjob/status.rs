//! A BroadcastJob's status, which is the same in both versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    condition::Condition,
    meta::{Time, UnknownFields, list, null_as_default, wire_time},
    open_enum::open_enum,
};

/// What the controller saw last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastJobStatus {
    /// How the job ended: `Complete` or `Failed`, with status True. None as long as it has not.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "list"
    )]
    pub conditions: Vec<JobCondition>,
    /// When the job was first looked at.
    #[serde(default, with = "wire_time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start_time: Option<Time>,
    /// When the job ended.
    #[serde(default, with = "wire_time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub completion_time: Option<Time>,
    /// Pods that have not ended.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default, with = "Option<i32>")]
    pub active: i32,
    /// Pods that have ended well.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default, with = "Option<i32>")]
    pub succeeded: i32,
    /// Pods that have failed, and those that were stopped.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default, with = "Option<i32>")]
    pub failed: i32,
    /// Nodes that are to be served.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default, with = "Option<i32>")]
    pub desired: i32,
    /// `running`, `paused`, `completed` or `failed`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default, with = "Option<String>")]
    pub phase: BroadcastJobPhase,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

open_enum! {
    /// What becomes of a BroadcastJob at the moment.
    pub enum BroadcastJobPhase {
        /// Nodes are served.
        Running = "running",
        /// Nothing is created or deleted.
        Paused = "paused",
        /// All nodes have been served.
        Completed = "completed",
        /// A pod failed, or the deadline has passed.
        Failed = "failed",
    }
}

/// One condition of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobCondition {
    /// `Complete` or `Failed`.
    #[serde(default, rename = "type", deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub status: String,
    /// When the condition was last checked.
    #[serde(default, with = "wire_time", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub last_probe_time: Option<Time>,
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

impl BroadcastJobStatus {
    /// Whether a condition says that the job has ended (BJ-60).
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.conditions.iter().any(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        })
    }
}

impl Condition for JobCondition {
    fn new(type_: &str, status: &str, reason: &str, message: String, at: Time) -> Self {
        Self {
            type_: type_.to_owned(),
            status: status.to_owned(),
            last_probe_time: Some(at),
            last_transition_time: Some(at),
            reason: reason.to_owned(),
            message,
            unknown: UnknownFields::default(),
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
        self.last_probe_time = Some(at);
    }
}

//! A BroadcastJob's spec, which is the same in both versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    definition::structural::preserved, int_or_string::IntOrString, meta::UnknownFields,
    open_enum::open_enum,
};

/// What a BroadcastJob shall do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastJobSpec {
    /// How many pods may be active at a time: a number, or a percentage of the nodes that are to be served, rounded
    /// up. Defaults to 2147483647.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<IntOrString>,
    /// What each pod is made from. Its restartPolicy must be OnFailure or Never.
    // An absent template is null here, and stays absent on the wire.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schemars(!default, !skip_serializing_if, schema_with = "preserved")]
    pub template: Value,
    /// When the job is complete, and what becomes of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_policy: Option<CompletionPolicy>,
    /// Whether no pods are created or deleted for now. Pods that run go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// What follows when a pod fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_policy: Option<FailurePolicy>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// When a BroadcastJob is complete.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletionPolicy {
    /// `Always` (the default): once every node has been served. `Never`: the job stays, and serves nodes that join
    /// later.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<CompletionPolicyType>,
    /// Seconds after its start at which the job fails, and its active pods are deleted. Not with type Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// Seconds after its end at which the job is deleted with its pods. Unset: it is kept. Not with type Never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>")]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

/// What follows when a pod fails.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailurePolicy {
    /// `FailFast` (the default): the job fails, and its active pods are deleted. `Continue`: the other nodes are
    /// served. `Pause`: nothing more is done until the failed pod is deleted.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<FailurePolicyType>,
    /// How often the containers of one pod may be restarted before the pod counts as failed, where restartPolicy is
    /// OnFailure. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>")]
    pub restart_limit: Option<i32>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

open_enum! {
    /// Whether a BroadcastJob ends.
    pub enum CompletionPolicyType {
        /// Once every node has been served.
        Always = "Always",
        /// Not at all: nodes that join later are served too.
        Never = "Never",
    }
}

open_enum! {
    /// What a BroadcastJob does when a pod fails.
    pub enum FailurePolicyType {
        /// The other nodes are served.
        Continue = "Continue",
        /// The job fails.
        FailFast = "FailFast",
        /// Nothing more is done until no failed pod is left.
        Pause = "Pause",
    }
}

impl BroadcastJobSpec {
    /// Whether the job never ends by itself. Every word but `Never` means that it does (BJ-8).
    #[must_use]
    pub fn never_completes(&self) -> bool {
        let policy = self.completion_policy.as_ref();
        policy.is_some_and(|policy| policy.type_ == Some(CompletionPolicyType::Never))
    }

    /// What follows when a pod fails. A word that means nothing means `Continue` (BJ-8).
    #[must_use]
    pub fn on_failure(&self) -> FailurePolicyType {
        let policy = self.failure_policy.as_ref();
        match policy.and_then(|policy| policy.type_.as_ref()) {
            None => FailurePolicyType::FailFast,
            Some(FailurePolicyType::Other(word)) if word.is_empty() => FailurePolicyType::FailFast,
            Some(FailurePolicyType::Other(_)) => FailurePolicyType::Continue,
            Some(known) => known.clone(),
        }
    }
}

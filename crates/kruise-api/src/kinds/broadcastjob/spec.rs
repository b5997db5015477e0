//! A BroadcastJob's spec, which is the same in both versions.

use crate::{
    int_or_string::IntOrString, open_enum::open_enum, spec_parts::CompletionPolicyType, wire::wire,
};

wire! {
    /// What a BroadcastJob shall do.
    pub struct BroadcastJobSpec {
        /// How many pods may be active at a time: a number, or a percentage of the nodes that are to be served, rounded
        /// up. Defaults to 2147483647.
        optional parallelism: IntOrString,
        /// What each pod is made from. Its restartPolicy must be OnFailure or Never.
        // An absent template is null here, and stays absent on the wire.
        required_raw template,
        /// When the job is complete, and what becomes of it then.
        optional completion_policy: CompletionPolicy,
        /// Whether no pods are created or deleted for now. Pods that run go on.
        optional paused: bool,
        /// What follows when a pod fails.
        optional failure_policy: FailurePolicy,
    }
}

wire! {
    /// When a BroadcastJob is complete.
    pub struct CompletionPolicy {
        /// `Always` (the default): once every node has been served. `Never`: the job stays, and serves nodes that join
        /// later.
        #[serde(rename = "type")]
        optional type_: CompletionPolicyType,
        /// Seconds after its start at which the job fails, and its active pods are deleted. Not with type Never.
        optional active_deadline_seconds: i64,
        /// Seconds after its end at which the job is deleted with its pods. Unset: it is kept. Not with type Never.
        optional ttl_seconds_after_finished: i32,
    }
}

wire! {
    /// What follows when a pod fails.
    pub struct FailurePolicy {
        /// `FailFast` (the default): the job fails, and its active pods are deleted. `Continue`: the other nodes are
        /// served. `Pause`: nothing more is done until the failed pod is deleted.
        #[serde(rename = "type")]
        optional type_: FailurePolicyType,
        /// How often the containers of one pod may be restarted before the pod counts as failed, where restartPolicy is
        /// OnFailure. Defaults to 0.
        optional restart_limit: i32,
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

//! What can go wrong when a plan is carried out, and what follows from it.

use std::time::Duration;

use kruise_plan::stage::Answer;

use crate::{
    api::error::ApiError,
    control::reconcile::{Consequence, ReconcileError},
};

/// A call of a plan that failed. The variant names the action.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A call about another object.
    #[error("{verb} {kind} {object}")]
    Write {
        /// `create`, `patch`, `delete` …
        verb: &'static str,
        /// Kind of the object.
        kind: &'static str,
        /// `namespace/name`.
        object: String,
        /// The API's answer.
        #[source]
        source: ApiError,
    },
    /// The status of the owner itself.
    #[error("patch the status of {kind} {object}")]
    Status {
        /// Kind of the owner.
        kind: &'static str,
        /// `namespace/name`.
        object: String,
        /// The API's answer.
        #[source]
        source: ApiError,
    },
    /// The live owner is not the one that was planned for (CS-28).
    #[error("{before}: {kind} {object} is gone, replaced or being deleted")]
    OwnerChanged {
        /// What was to be done.
        before: &'static str,
        /// Kind of the owner.
        kind: &'static str,
        /// `namespace/name`.
        object: String,
    },
    /// The name of what is to be created is taken.
    #[error("create {kind} {object}: {why}")]
    NameTaken {
        /// Kind of the object.
        kind: &'static str,
        /// `namespace/name`.
        object: String,
        /// What is wrong with the one that is there.
        why: &'static str,
    },
}

impl StageError {
    /// Whether the API server gave this answer.
    #[must_use]
    pub fn is(&self, answer: Answer) -> bool {
        match answer {
            Answer::NotFound => matches!(self.api(), Some(ApiError::NotFound { .. })),
            Answer::AlreadyThere => matches!(self.api(), Some(ApiError::AlreadyExists { .. })),
            Answer::LostRace => self.is_lost_race(),
            Answer::Conflict => matches!(self.api(), Some(ApiError::Conflict { .. })),
            // A webhook with side effects may have been installed when Kubernetes still allowed that. The API server
            // can't ask it in a dry run, and so refuses every dry run that would reach it.
            Answer::NoDryRun => {
                matches!(self.api(), Some(ApiError::Invalid { code: 400, .. }))
                    && self.api_message().contains("does not support dry run")
            }
            Answer::TimedOut => matches!(
                self.api(),
                Some(ApiError::Ambiguous {
                    code: Some(504),
                    ..
                })
            ),
        }
    }

    /// Nothing can be created in a namespace that is being deleted, however often it is tried.
    #[must_use]
    pub fn namespace_is_terminating(&self) -> bool {
        self.api().is_some_and(|error| {
            matches!(error, ApiError::Forbidden { .. })
                && error.message().contains("because it is being terminated")
        })
    }

    /// The object was changed by another between our look and our write, or the lease was lost. The next pass looks
    /// again; it is no failure that anyone has to know of (IP-23, DV-D10, DV-PF16).
    #[must_use]
    pub fn is_lost_race(&self) -> bool {
        self.api()
            .is_some_and(|error| matches!(error, ApiError::Conflict { .. }) || error.was_withheld())
    }

    /// Whether calls about other objects may fail in the same way. They don't if this object was changed, or is gone.
    #[must_use]
    pub fn may_meet_others(&self) -> bool {
        !self.is_lost_race() && !self.is(Answer::NotFound)
    }

    /// Whether the error is about a live read, before or between writes.
    pub(super) fn is_of_a_look(&self) -> bool {
        matches!(self, Self::Write { verb: "get", .. })
    }

    /// The API server judged the write and does not want it as it is.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self.api(),
            Some(ApiError::Forbidden { .. } | ApiError::Invalid { .. })
        )
    }

    /// The API server's words, if it said any.
    #[must_use]
    pub fn api_message(&self) -> &str {
        self.api().map_or("", ApiError::message)
    }

    fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Write { source, .. } | Self::Status { source, .. } => Some(source),
            Self::OwnerChanged { .. } | Self::NameTaken { .. } => None,
        }
    }
}

impl ReconcileError for StageError {
    fn category(&self) -> &'static str {
        match self {
            Self::Write { source, .. } | Self::Status { source, .. } => source.category(),
            Self::OwnerChanged { .. } => "adoption",
            Self::NameTaken { .. } => "claim",
        }
    }

    fn consequence(&self) -> Consequence {
        match self {
            Self::OwnerChanged { .. } => Consequence::After(Duration::from_secs(1)),
            // All that is in the namespace is on its way out, the owner too.
            _ if self.namespace_is_terminating() => Consequence::AwaitChange,
            _ => Consequence::BackOff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // DV-PF16: neither an event nor a condition tells of it, and the runtime knows it by its category.
    #[test]
    fn a_write_that_was_withheld_is_no_failure() {
        let call = || "patch pods ns/web-a".to_owned();
        for (source, category) in [
            (ApiError::NotLeader { call: call() }, "not_leader"),
            (ApiError::Stopping { call: call() }, "stopping"),
        ] {
            let error = StageError::Write {
                verb: "patch",
                kind: "Pod",
                object: "ns/web-a".to_owned(),
                source,
            };
            assert!(error.is_lost_race());
            assert_eq!(error.category(), category);
        }
    }
}

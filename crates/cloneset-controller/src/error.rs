//! What can go wrong in a reconcile, and what follows from it.

use std::time::Duration;

use kruise_runtime::{ApiError, Consequence, ReconcileError};

/// A reconcile's failure. The variant names the action that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A write to another object.
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
    /// The status of the CloneSet itself.
    #[error("patch the status of CloneSet {set}")]
    Status {
        /// `namespace/name`.
        set: String,
        /// The API's answer.
        #[source]
        source: ApiError,
    },
    /// Before adoption the live CloneSet is read again (CS-28).
    #[error("adopt pods: CloneSet {set} is gone, replaced or being deleted")]
    AdoptionRefused {
        /// `namespace/name`.
        set: String,
    },
    /// The name of a volume claim is taken.
    #[error("create PersistentVolumeClaim {claim}: {why}")]
    ClaimNotUsable {
        /// `namespace/name`.
        claim: String,
        /// What is wrong with the one that is there.
        why: &'static str,
    },
}

impl Error {
    /// Nothing can be created in a namespace that is being deleted, however often it is tried.
    pub(crate) fn namespace_is_terminating(&self) -> bool {
        self.api().is_some_and(|error| {
            matches!(error, ApiError::Forbidden { .. })
                && error.message().contains("because it is being terminated")
        })
    }

    /// The object was changed by another between our look and our write, or the lease was lost. The next pass looks
    /// again; it is no failure that anyone has to know of (IP-23, DV-D10, DV-PF16).
    pub(crate) fn is_lost_race(&self) -> bool {
        self.api()
            .is_some_and(|error| matches!(error, ApiError::Conflict { .. }) || error.was_withheld())
    }

    /// The name is taken.
    pub(crate) fn is_already_there(&self) -> bool {
        matches!(self.api(), Some(ApiError::AlreadyExists { .. }))
    }

    /// Whether the same may come of writes to other objects: not that this one was changed, or is gone.
    pub(crate) fn may_meet_others(&self) -> bool {
        !self.is_lost_race() && !self.is_not_found()
    }

    /// A webhook that has side effects, and was installed when that was still allowed, is not asked in a dry run;
    /// the API server refuses that whatever the object.
    pub(crate) fn knows_no_dry_run(&self) -> bool {
        matches!(self.api(), Some(ApiError::Invalid { code: 400, .. }))
            && self.api_message().contains("does not support dry run")
    }

    /// The API server judged the write and does not want it as it is.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self.api(),
            Some(ApiError::Forbidden { .. } | ApiError::Invalid { .. })
        )
    }

    /// The API server's words, if it said any.
    pub(crate) fn api_message(&self) -> &str {
        self.api().map_or("", ApiError::message)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self.api(), Some(ApiError::NotFound { .. }))
    }

    fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Write { source, .. } | Self::Status { source, .. } => Some(source),
            Self::AdoptionRefused { .. } | Self::ClaimNotUsable { .. } => None,
        }
    }
}

impl ReconcileError for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Write { source, .. } | Self::Status { source, .. } => source.category(),
            Self::AdoptionRefused { .. } => "adoption",
            Self::ClaimNotUsable { .. } => "claim",
        }
    }

    fn consequence(&self) -> Consequence {
        match self {
            Self::AdoptionRefused { .. } => Consequence::After(Duration::from_secs(1)),
            // The pods are on their way out, and so is the CloneSet.
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
            let error = Error::Write {
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

//! What a call to the API server can come to, sorted by what the caller may do about it.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failed call. `call` names verb and object, `message` is the server's.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are the same in every variant")]
pub enum ApiError {
    /// The object is not what the writer had read.
    #[error("{call}: conflict: {message}")]
    Conflict { call: String, message: String },
    /// The name is taken.
    #[error("{call}: already exists: {message}")]
    AlreadyExists { call: String, message: String },
    /// No such object, or no such kind.
    #[error("{call}: not found: {message}")]
    NotFound { call: String, message: String },
    /// Not allowed, by RBAC, quota or admission.
    #[error("{call}: forbidden: {message}")]
    Forbidden { call: String, message: String },
    /// Not accepted as it is; sending it again won't help.
    #[error("{call}: invalid: {message}")]
    Invalid {
        call: String,
        message: String,
        /// 422 for an object that was read and judged, 400 for what couldn't be read.
        code: u16,
        /// What is wrong with which field.
        causes: Vec<StatusCause>,
    },
    /// Refused for now, by the server's own limits or by a budget.
    #[error("{call}: too many requests: {message}")]
    TooManyRequests {
        call: String,
        message: String,
        retry_after: Option<Duration>,
    },
    /// The version asked for is no longer known.
    #[error("{call}: gone: {message}")]
    Gone { call: String, message: String },
    /// No clear answer: the request may have been carried out, or not.
    #[error("{call}: unclear whether it happened: {message}")]
    Ambiguous {
        call: String,
        message: String,
        /// 500 or more; none if no answer came.
        code: Option<u16>,
        #[source]
        source: Option<Source>,
    },
    /// Refused for another reason.
    #[error("{call}: refused with code {code}: {message}")]
    Refused {
        call: String,
        code: u16,
        message: String,
    },
    /// The answer is not what it should be.
    #[error("{call}: unreadable answer")]
    Answer {
        call: String,
        #[source]
        source: Source,
    },
    /// The request can't be built.
    #[error("{call}: impossible request")]
    Request {
        call: String,
        #[source]
        source: Source,
    },
    /// This process doesn't hold the lease (any more), so it must not write.
    #[error("{call}: not sent, since this process is not the leader")]
    NotLeader { call: String },
    /// This process stops, or has to list everything again before it may write.
    #[error("{call}: not sent, since reconcilers have to stop")]
    Stopping { call: String },
}

/// Categories of the errors that [`ApiError::was_withheld`] is about.
pub(crate) const WITHHELD: [&str; 2] = ["not_leader", "stopping"];

/// The part of a `Status` that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
    details: Option<StatusDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StatusDetails {
    retry_after_seconds: Option<u64>,
    causes: Vec<StatusCause>,
}

/// One cause of a refusal, as a `Status` has it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StatusCause {
    /// `FieldValueInvalid`, `FieldValueRequired` or the like.
    pub reason: String,
    /// Path of the field; empty if it is about none.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl ApiError {
    /// What the status of a refused call means.
    pub(crate) fn from_status(call: String, code: u16, status: Status) -> Self {
        let Status {
            reason,
            message,
            details,
            ..
        } = status;
        let message = if message.is_empty() {
            reason.clone()
        } else {
            message
        };
        match code {
            409 if reason == "AlreadyExists" => Self::AlreadyExists { call, message },
            409 => Self::Conflict { call, message },
            404 => Self::NotFound { call, message },
            401 | 403 => Self::Forbidden { call, message },
            400 | 422 => Self::Invalid {
                call,
                message,
                code,
                causes: details.map(|details| details.causes).unwrap_or_default(),
            },
            429 => {
                let retry_after = details.and_then(|details| details.retry_after_seconds);
                let retry_after = retry_after.map(Duration::from_secs);
                Self::TooManyRequests {
                    call,
                    message,
                    retry_after,
                }
            }
            410 => Self::Gone { call, message },
            500.. => Self::Ambiguous {
                call,
                message: format!("{code}: {message}"),
                code: Some(code),
                source: None,
            },
            _ => Self::Refused {
                call,
                code,
                message,
            },
        }
    }

    /// What a body that came with an error code means; the body may be no `Status` at all.
    pub(crate) fn from_body(call: String, code: StatusCode, body: &[u8]) -> Self {
        let status = serde_json::from_slice(body).unwrap_or_else(|_| Status {
            message: String::from_utf8_lossy(body).chars().take(500).collect(),
            ..Status::default()
        });
        Self::from_status(call, code.as_u16(), status)
    }

    /// Label for metrics.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::AlreadyExists { .. } => "already_exists",
            Self::NotFound { .. } => "not_found",
            Self::Forbidden { .. } => "forbidden",
            Self::Invalid { .. } => "invalid",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Gone { .. } => "gone",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Refused { .. } => "refused",
            Self::Answer { .. } => "answer",
            Self::Request { .. } => "request",
            Self::NotLeader { .. } => "not_leader",
            Self::Stopping { .. } => "stopping",
        }
    }

    /// What the server said, without the call; empty when it said nothing.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Conflict { message, .. }
            | Self::AlreadyExists { message, .. }
            | Self::NotFound { message, .. }
            | Self::Forbidden { message, .. }
            | Self::Invalid { message, .. }
            | Self::TooManyRequests { message, .. }
            | Self::Gone { message, .. }
            | Self::Ambiguous { message, .. }
            | Self::Refused { message, .. } => message,
            Self::Answer { .. }
            | Self::Request { .. }
            | Self::NotLeader { .. }
            | Self::Stopping { .. } => "",
        }
    }

    /// When the server asked to be called again, if it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the call was not sent, since this process may send none for now. Nothing has failed, so there is
    /// nothing to report, and nothing to back off from.
    #[must_use]
    pub fn was_withheld(&self) -> bool {
        WITHHELD.contains(&self.category())
    }

    /// Whether the call may have been carried out although it failed. An answer that can't be read
    /// came with a code of success.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Ambiguous { .. } | Self::Answer { .. })
    }
}

/// An error and its sources in one line, each said once.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

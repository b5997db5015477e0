//! How a connection of a watch comes to its end, and what follows from that.

use crate::api::error::ApiError;

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchError {
    #[error("can't list")]
    List(#[source] ApiError),
    #[error("can't open the watch")]
    Open(#[source] ApiError),
    #[error("the streaming list is refused")]
    StreamRefused(#[source] ApiError),
    #[error("the watch broke off")]
    Read(#[source] std::io::Error),
    #[error("the watch says something unreadable")]
    Line(#[source] serde_json::Error),
    #[error("the watch reports an error")]
    Reported(#[source] ApiError),
    #[error("the server ended the watch")]
    Ended,
    #[error("the streaming list ended before it was complete")]
    ListEnded,
    #[error("the watch has been silent for too long")]
    Silent,
    #[error("the watch is late for a version that was written")]
    Late,
    #[error("a complete list is wanted")]
    ListWanted,
}

impl WatchError {
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::List(error) | Self::Open(error) | Self::Reported(error) => error.category(),
            Self::StreamRefused(_) => "stream_refused",
            Self::Read(_) => "broken",
            Self::Line(_) => "unreadable",
            Self::Ended | Self::ListEnded => "ended",
            Self::Silent => "silent",
            Self::Late => "late",
            Self::ListWanted => "list_wanted",
        }
    }

    pub(crate) fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::List(error)
            | Self::Open(error)
            | Self::StreamRefused(error)
            | Self::Reported(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the version to go on from is of no use any more. A server that forgot its data, or never had that
    /// version, answers with "invalid". Or the server says nothing until it gets to that version, which takes for
    /// ever after a restore from a backup.
    pub(crate) fn needs_list(&self) -> bool {
        matches!(self, Self::ListWanted | Self::Silent)
            || matches!(
                self.api_error(),
                Some(ApiError::Gone { .. } | ApiError::Invalid { .. })
            )
    }
}

//! Why a budget can't be brought up to date.

use std::{sync::Arc, time::Duration};

use kruise_api::int_or_string::NumberError;
use kruise_runtime::{ApiError, Consequence, MIN_PAUSE, ReconcileError, StageError};
use kruise_workload::FindError;

/// Why it can't be.
#[derive(Debug, thiserror::Error)]
pub enum PubError {
    /// It isn't known which pods it has, or how many there should be (PB-52.1).
    #[error("can't tell which pods the budget has")]
    Find(#[source] FindError),
    /// A pod is not linked (PB-18).
    #[error("can't link a pod to the budget")]
    Link {
        /// Why it isn't.
        source: StageError,
        /// When an entry of the status expires.
        again_after: Option<Duration>,
    },
    /// Its limit is neither a number nor a percentage (PB-28).
    #[error("can't tell how many pods must stay available")]
    Desired(#[source] NumberError),
    /// Its status is not written.
    #[error("can't write the status of the budget")]
    Status(#[source] Arc<ApiError>),
}

impl ReconcileError for PubError {
    fn category(&self) -> &'static str {
        match self {
            Self::Find(source) => source.category(),
            Self::Link { source, .. } => source.category(),
            Self::Desired(_) => "limit",
            Self::Status(source) => source.category(),
        }
    }

    fn consequence(&self) -> Consequence {
        match self {
            Self::Find(_) | Self::Desired(_) | Self::Status(_) => Consequence::BackOff,
            Self::Link {
                source,
                again_after,
            } => match (source.consequence(), again_after) {
                (Consequence::BackOff, Some(time)) => Consequence::After((*time).max(MIN_PAUSE)),
                (consequence, _) => consequence,
            },
        }
    }
}

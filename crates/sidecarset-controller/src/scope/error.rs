//! Why the webhook's scope can't be brought up to date.

use std::{sync::Arc, time::Duration};

use kruise_runtime::{ApiError, Consequence, ReconcileError};

/// Why it can't be.
#[derive(Debug, thiserror::Error)]
pub enum ScopeError {
    /// The configuration can't be read.
    #[error("can't read the configuration of the pod webhook")]
    Read(#[source] ApiError),
    /// The configuration can't be changed.
    #[error("can't change the configuration of the pod webhook")]
    Write(#[source] ApiError),
    /// Others changed the configuration each time before we could.
    #[error("the configuration of the pod webhook was changed by others {0} times in a row")]
    Contended(u32),
    /// The API server knows the change, and doesn't use it.
    #[error(
        "the API server has not put the pod webhook's configuration {number} into use within {time:?}"
    )]
    NotInUse {
        /// Number of the configuration.
        number: u64,
        /// How long it was waited for.
        time: Duration,
    },
    /// It isn't known which SidecarSets there are.
    #[error("can't tell which SidecarSets there are")]
    Sets(#[source] Arc<ApiError>),
    /// The index of SidecarSets lags behind.
    #[error("the index of SidecarSets is older than {0:?}")]
    Late(Duration),
    /// It isn't known whether SidecarSets are installed.
    #[error("can't tell whether SidecarSets are installed")]
    Definition(#[source] ApiError),
    /// SidecarSets are installed, and not served.
    #[error("SidecarSets are installed and not served yet")]
    NotServed(#[source] Arc<ApiError>),
}

impl ReconcileError for ScopeError {
    fn category(&self) -> &'static str {
        match self {
            Self::Read(source) | Self::Write(source) | Self::Definition(source) => {
                source.category()
            }
            Self::Sets(source) => source.category(),
            Self::Contended(_) => "conflict",
            Self::NotInUse { .. } => "not_in_use",
            Self::Late(_) => "late",
            Self::NotServed(_) => "not_served",
        }
    }

    fn consequence(&self) -> Consequence {
        Consequence::BackOff
    }
}

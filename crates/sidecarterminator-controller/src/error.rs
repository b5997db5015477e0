//! Why a pass fails, and what follows from it.

use kruise_runtime::{Consequence, ReconcileError, StageError};

use crate::plan::MissingNode;

/// A pass that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be decided how sidecars are ended.
    #[error(transparent)]
    Node(#[from] MissingNode),
    /// A call failed.
    #[error(transparent)]
    Stage(#[from] StageError),
}

impl ReconcileError for Error {
    fn category(&self) -> &'static str {
        match self {
            Self::Node(_) => "missing_node",
            Self::Stage(error) => error.category(),
        }
    }

    fn consequence(&self) -> Consequence {
        match self {
            Self::Node(_) => Consequence::BackOff,
            Self::Stage(error) => error.consequence(),
        }
    }
}

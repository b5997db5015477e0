//! Why a workload can't be found. That there is none is no error.

use std::{sync::Arc, time::Duration};

use kruise_api::{resource::Resource, selector::SelectorTextError};
use kruise_runtime::ApiError;

use crate::reference::Reference;

/// A search that came to no result.
#[derive(Clone, Debug, thiserror::Error)]
#[error("can't find {asked}")]
pub struct FindError {
    /// What was searched for.
    pub asked: Box<Reference>,
    /// What went wrong.
    #[source]
    pub cause: Cause,
}

/// What a search can fail of.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Cause {
    /// The watch has not brought a complete list yet.
    #[error("{0} have not been read yet")]
    NotReadYet(Resource),
    /// This process watches other kinds only.
    #[error("{0} are not watched")]
    NotWatched(Resource),
    /// The API server serves no such kind (PB-25, step 8).
    #[error("the API server knows no kind {kind} in group {group:?}")]
    UnknownKind {
        /// API group.
        group: String,
        /// Kind.
        kind: String,
    },
    /// The API server can't be asked, or refuses. That there is no such object is no error.
    #[error("the API server can't be asked")]
    Api(#[source] Arc<ApiError>),
    /// The answer took longer than the searcher's patience.
    #[error("no answer within {0:?}")]
    TooSlow(Duration),
    /// The white list can't be read (PF-149).
    #[error("key {key} of ConfigMap {name} can't be read")]
    WhiteList {
        /// Name of the ConfigMap.
        name: &'static str,
        /// Its key.
        key: &'static str,
        /// What is wrong with the text.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// The selector of a scale subresource can't be read.
    #[error("unreadable selector")]
    Selector(#[source] SelectorTextError),
}

impl Cause {
    /// Whether this process lacks the right to ask.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Api(error) if matches!(**error, ApiError::Forbidden { .. }))
    }
}

impl FindError {
    pub(crate) fn of(asked: &Reference, cause: Cause) -> Self {
        Self {
            asked: Box::new(asked.clone()),
            cause,
        }
    }

    /// Label for metrics.
    #[must_use]
    pub fn category(&self) -> &'static str {
        match &self.cause {
            Cause::NotReadYet(_) => "not_read_yet",
            Cause::NotWatched(_) => "not_watched",
            Cause::UnknownKind { .. } => "unknown_kind",
            Cause::Api(error) => error.category(),
            Cause::TooSlow(_) => "too_slow",
            Cause::WhiteList { .. } => "white_list",
            Cause::Selector(_) => "selector",
        }
    }

    /// Whether the call was not sent, since this process may send none for now: nothing to report
    /// ([`ApiError::was_withheld`]).
    #[must_use]
    pub fn was_withheld(&self) -> bool {
        matches!(&self.cause, Cause::Api(error) if error.was_withheld())
    }
}

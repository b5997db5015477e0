//! Whether this replica knows every SidecarSet.

use std::sync::Arc;

use kruise_api::resource::{CUSTOM_RESOURCE_DEFINITIONS, ObjectKey, Resource};
use kruise_runtime::{ApiClient, ApiError, Freshness};

use super::error::ScopeError;

/// What is asked whether it is known. Clones share their questions to the API server.
#[derive(Clone)]
pub(crate) struct KnownSets {
    pub(crate) client: ApiClient,
    pub(crate) kind: Resource,
    pub(crate) freshness: Freshness,
}

impl KnownSets {
    /// Returns when every SidecarSet that is stored now is in the index. Never, while the index gets no further: the caller
    /// says how long it waits.
    ///
    /// # Errors
    /// When that can't be told.
    pub(crate) async fn all(&self) -> Result<(), ScopeError> {
        match self.freshness.as_new_as_now().await {
            Ok(()) => Ok(()),
            Err(error) if matches!(*error, ApiError::NotFound { .. }) => {
                self.are_not_installed(error).await
            }
            Err(error) => Err(ScopeError::Sets(error)),
        }
    }

    /// An API server that starts may not serve a kind for a moment. Only where there is no definition there are no objects.
    async fn are_not_installed(&self, not_found: Arc<ApiError>) -> Result<(), ScopeError> {
        let name = format!("{}.{}", self.kind.plural, self.kind.group);
        let key = ObjectKey::new("", name);
        let definition = self.client.get(&CUSTOM_RESOURCE_DEFINITIONS, &key).await;
        match definition.map_err(ScopeError::Definition)? {
            None => Ok(()),
            Some(_) => Err(ScopeError::NotServed(not_found)),
        }
    }
}

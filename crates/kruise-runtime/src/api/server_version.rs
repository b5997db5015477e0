//! The API server's version, read once before reconcilers begin.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
    },
    control::backoff::Backoff,
};

/// The version of the API server. It is known before reconcilers begin.
#[derive(Clone, Debug, Default)]
pub struct ServerVersion(Arc<OnceLock<String>>);

impl ServerVersion {
    /// Its `gitVersion`, such as `v1.32.1`; empty before it is known, or when the server does not
    /// tell.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get().map_or("", String::as_str)
    }

    /// Reads the version, however long that takes.
    pub(crate) async fn read(&self, client: &ApiClient) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        while self.0.get().is_none() {
            match client.server_version().await {
                Ok(version) => {
                    tracing::info!(version, "the API server");
                    self.0.get_or_init(|| version);
                }
                // Asking again won't help. Everything works without the version, as with an old server.
                Err(error @ (ApiError::NotFound { .. } | ApiError::Forbidden { .. })) => {
                    let error = chain(&error);
                    tracing::warn!(error, "the API server does not tell its version");
                    self.0.get_or_init(String::new);
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(error, "can't read the API server's version");
                    sleep(backoff.next()).await;
                }
            }
        }
    }
}

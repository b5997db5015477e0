//! Why webhooks can't be served.

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// Two routes have the same path.
    #[error("two webhooks are served at {path}")]
    SamePath {
        /// The path.
        path: String,
    },
    /// The TLS provider can't do what is asked of it.
    #[error("can't set up TLS")]
    Tls(#[source] rustls::Error),
}

//! Bounds of a webhook server.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// What a webhook server takes on at most. Anyone in the cluster's network may connect, so that all of
/// it is bounded.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Handlers that run at once. A request beyond is told to come again, which the API server does.
    pub requests: usize,
    /// Bytes of an admission review. The API server takes objects of up to 3 MiB, and an update shows
    /// the old one too.
    pub admission_body: usize,
    /// Bytes of a conversion review, in which the API server puts all objects of a list at once.
    pub conversion_body: usize,
    /// Bytes of all bodies that are held at once.
    pub bodies: usize,
    /// Connections at once. One beyond is closed.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the head of an HTTP/1 request, from its first byte on; for the first request on a
    /// connection, from the handshake on.
    pub header: Duration,
    /// A connection without requests for this long is closed. Above the 90 s after which the API server
    /// does so itself, so that no request meets a connection that is being closed.
    pub idle: Duration,
    /// Time for a peer to take the last answer and to hang up, on a connection that is to end.
    pub linger: Duration,
    /// How long new connections are taken after the signal to stop: as long as it may take until
    /// everyone knows that this replica isn't ready any more.
    pub serve_on: Duration,
    /// Time for requests in flight to finish after that.
    pub finish_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 256,
            admission_body: 7 * MIB,
            conversion_body: 48 * MIB,
            bodies: 64 * MIB,
            connections: 512,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            linger: Duration::from_secs(2),
            serve_on: Duration::from_secs(5),
            finish_within: Duration::from_secs(15),
        }
    }
}

//! Bounds of a webhook server.

use std::time::Duration;

const MIB: usize = 1024 * 1024;

/// What a webhook server takes on at most. Anyone in the cluster's network may connect, so that everything is
/// bounded.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Requests that are handled, or wait for their turn, at once. A caller with one more is told to come again,
    /// which the API server does.
    pub requests: usize,
    /// Requests of one path, with small bodies, that compute at once, each on a thread of its own. The others wait
    /// for their turn, within their time.
    pub small_at_once: usize,
    /// The same for requests with a large body. Read into values, JSON takes up to some thirty times its size, so
    /// that there must not be many of these. Requests with small bodies don't wait for them.
    pub large_at_once: usize,
    /// Bytes from which on a body is large. A review of one object seldom has a tenth of it.
    pub large_from: usize,
    /// Bytes of an admission review. The API server takes objects of up to 3 MiB, and an update shows
    /// the old one too.
    pub admission_body: usize,
    /// Bytes of a conversion review, in which the API server puts all objects of a list at once.
    pub conversion_body: usize,
    /// Bytes of all bodies that are held at once: from their first byte on until the answer has been taken.
    pub bodies: usize,
    /// Time that a body has even if it brings no bytes at all.
    pub body_grace: Duration,
    /// Bytes that each second beyond the grace must bring. Whoever sends more slowly is cut off, since the bytes that
    /// have come count meanwhile. The API server sends megabytes in milliseconds.
    pub body_rate: usize,
    /// Connections at once. When one more comes, the connection that has been idle longest is closed. There must be
    /// more connections than `requests`, so that one is always idle. Together with those of the plain servers, and
    /// those that we open, they fit into the 1024 open files that a process has at least.
    pub connections: usize,
    /// Connections of one peer at once. An API server that speaks HTTP/1 opens one for each concurrent
    /// request, and several of them may share an address (a proxy, a load balancer): so it is more than
    /// `requests`, by the 25 idle connections that each of two such servers keeps. No peer alone can
    /// take what all have.
    pub connections_of_a_peer: usize,
    /// Unfinished TLS handshakes at once. When one more comes, the oldest is given up.
    pub handshakes: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for the head of an HTTP/1 request, from its first byte on; for the first request on a
    /// connection, from the handshake on.
    pub header: Duration,
    /// Time in which a peer must take something of an answer that it was given.
    pub taking: Duration,
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
            small_at_once: 8,
            large_at_once: 1,
            large_from: 256 * 1024,
            admission_body: 7 * MIB,
            conversion_body: 48 * MIB,
            bodies: 64 * MIB,
            body_grace: Duration::from_secs(2),
            body_rate: MIB,
            connections: 512,
            connections_of_a_peer: 320,
            handshakes: 256,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(10),
            taking: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            linger: Duration::from_secs(2),
            serve_on: Duration::from_secs(5),
            finish_within: Duration::from_secs(15),
        }
    }
}

//! The HTTPS server for admission and conversion.
//!
//! `Routes` say what answers at which path, `WebhookService` answers one request, and `Server` puts the service on a
//! TLS socket. Answers are given within the time that the API server waits. Bodies, requests and connections are
//! bounded. Handlers compute on threads of their own, and a handler that panics fails its own request only (PF-106).
//!
//! What it doesn't do: it makes no certificates, which come from the caller's resolver; it doesn't
//! register itself anywhere; and it verifies no client certificates (PF-210), so that a handler must
//! not trust its request further than to answer it.

mod activity;
mod admission;
mod body;
mod connection;
pub(crate) mod connections;
mod conversion;
pub(crate) mod converters;
mod error;
mod in_process;
pub mod kind;
mod limits;
mod metrics;
mod no_review;
mod offload;
mod patch;
mod refused_deletion;
mod request;
mod response;
mod routes;
mod server;
mod service;
#[cfg(test)]
mod tests;

pub use admission::Admission;
pub use in_process::InProcessWebhooks;
pub use refused_deletion::RefusedDeletion;
pub use request::{
    AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, UnreadableObject, UserInfo,
};
pub use response::{AdmissionResponse, Cause};

pub(crate) use error::ServerError;
pub(crate) use limits::Limits;
pub(crate) use metrics::WebhookMetrics;
pub(crate) use routes::Routes;
pub(crate) use server::Server;

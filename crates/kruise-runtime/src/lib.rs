//! All I/O that deployables share: flags, logs, metrics, health, leader election, watches and their
//! indexes, work queues, own-write tracking, events, webhooks and their certificates, start and shutdown.
//!
//! A deployable is an [`App`]; its binary calls [`run()`] with one, and a binary for small clusters with
//! several. This crate knows what a Kubernetes object is and nothing of what any kind means: it makes
//! no plan, and no write of its own except leases, events, and what the API server needs to trust its webhooks.

pub mod api_error;
pub mod app;
pub mod args;
mod backoff;
pub mod certificates;
pub mod client;
mod connect;
mod connections;
mod conversions;
pub mod duration;
pub mod events;
mod flags;
pub mod gates;
mod http_server;
mod index;
pub mod leader;
mod leadership;
mod lease;
mod line;
mod logging;
pub mod metrics;
pub mod object;
mod open_list;
pub mod own_writes;
mod permission;
mod plain_counter;
mod protection_counters;
mod protection_log;
mod pulse;
mod query;
pub mod queue;
mod random;
pub mod reconcile;
pub mod resource;
mod restore;
pub mod run;
mod selector;
pub mod server_version;
mod shared_watches;
mod start;
pub mod store;
pub mod store_view;
mod tasks;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod vanished;
mod vital;
pub mod watch;
mod watch_error;
mod watch_order;
pub mod webhook;
mod webhook_args;
mod webhooks;
mod write_notes;
mod written;

pub use api_error::{ApiError, StatusCause, chain};
pub use app::{App, Setup, SetupError, Watched};
pub use args::RuntimeArgs;
pub use certificates::{Certificates, CertificatesConfig};
pub use client::{ApiClient, PatchKind, Written};
pub use events::{EventTarget, EventType, Recorder};
pub use gates::{FeatureGates, Gate, GateError};
pub use leader::{LeaderState, Leadership};
pub use metrics::{Metrics, WaitReasons};
pub use object::Object;
pub use own_writes::{OwnWrites, Settled, Writer};
pub use plain_counter::PlainCounter;
pub use protection_counters::ProtectionCounters;
pub use protection_log::{ProtectionLog, ProtectionLogError, Refusal};
pub use queue::Queue;
pub use reconcile::{Consequence, Outcome, ReconcileError, Reconciler};
pub use resource::{
    CONTROLLER_REVISIONS, EVENTS, LEASES, NODES, ObjectKey, PERSISTENT_VOLUME_CLAIMS,
    POD_TEMPLATES, POD_UNAVAILABLE_BUDGETS, PODS, Resource,
};
pub use run::run;
pub use server_version::ServerVersion;
pub use store::Store;
pub use store_view::StoreView;
pub use watch::WatchOptions;
pub use webhook_args::{CertWriter, WebhookArgs};

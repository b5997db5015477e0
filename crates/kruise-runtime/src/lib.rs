//! All I/O that deployables share: flags, logs, metrics, health, leader election, watches and their indexes, work
//! queues, own-write tracking, the executor of plans, events, webhooks and their certificates, start and shutdown.
//!
//! A deployable is an [`App`]. Its binary calls [`run()`] with that app alone; a binary for small clusters calls it
//! with several apps. This crate knows what a Kubernetes object is, and nothing of what any kind means. It makes no
//! plan, and writes nothing of its own except leases, events, and what the API server needs to trust its webhooks.

mod accept;
mod api;
mod certificates;
mod clock;
mod control;
mod duration;
mod leader;
mod process;
mod random;
mod rounds;
mod tell;
#[cfg(test)]
mod test_server;
mod watch;
pub mod webhook;

// A process, and what an app asks for while it is set up.
pub use process::{
    app::{App, Setup, Watched},
    args::{
        RuntimeArgs,
        controller::{ControllerArgs, SyncPeriod, parse_workers},
        process::{LoggingFormat, ProcessArgs},
        webhook::{CertWriter, WebhookArgs},
    },
    error::SetupError,
    gates::{FeatureGates, Gate, GateError},
    in_process::InProcess,
    run::run,
};
// What a test replaces: the wall clock, and chance.
pub use clock::Clock;
pub use random::{number as random_number, seed_this_thread};
// What many ask for at once, and is done once.
pub use rounds::Rounds;
// Calls to the API server.
pub use api::{
    client::ApiClient,
    error::{ApiError, StatusCause, chain},
    query::{ListPage, ListQuery},
    server_version::ServerVersion,
    written::Written,
};
// What objects there are.
pub use watch::{fresh::Freshness, store::Store, store_view::StoreView, watcher::WatchOptions};
// When an object is reconciled, and what is done around its plan.
pub use control::{
    execute::{Done, Executor, Flow, Refused, StageError},
    own_writes::{OwnWrites, Settled, Writer},
    queue::Queue,
    reconcile::{Consequence, Outcome, ReconcileError, Reconciler},
    upkeep::{MIN_PAUSE, PutOff, Stores, Upkeep},
};
pub use leader::{fence::LeaderState, leadership::Leadership};
// What the process reports: events, metrics and the protection log.
pub use tell::{
    events::{EventTarget, EventType, Recorder, recorder},
    metrics::{Metrics, WaitReasons},
    plain_counter::PlainCounter,
    protection_counters::{ProtectionCounters, ProtectionLabels, RefusalLabels},
    protection_log::{ProtectionLog, ProtectionLogError, RefusedOperation},
};

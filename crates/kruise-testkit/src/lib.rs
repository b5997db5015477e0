//! What tests stand on when no cluster is at hand: an API server in memory behind a real client, a scheduler and
//! kubelets, and whole deployables that run on them by a virtual clock.
//!
//! Everything follows from a seed: the same seed gives the same requests in the same order. Faults are drawn from it
//! too. That the server answers as a real one does is shown by `cargo xtask conformance --sequences`, which sends both
//! the same requests.

// The crate serves tests only: a panic is how a test reports.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::missing_panics_doc)]

pub mod builders;
pub mod clock;
pub mod fakes;
pub mod fields;
pub mod golden;
pub mod kubelet;
pub mod manifests;
pub mod nodes;
pub mod random;
pub mod scheduler;
pub mod server;
pub mod told;
pub mod webhooks;
pub mod world;

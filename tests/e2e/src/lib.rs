//! What every end-to-end test stands on: one cluster for all of them, a namespace for each, and a
//! report of what was there when one fails.
//!
//! With `KRUISE_E2E_KUBECONFIG` the tests run on that cluster, which must have the overlay
//! `all` deployed, and touch nothing of the machine. Without it the local cluster
//! `kruise-test` is started, or found running, and the overlay is deployed to it.

// The crate serves tests only: a panic is how a test reports.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]
#![allow(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::missing_panics_doc
)]

pub mod cluster;
pub mod controller;
pub mod daemon;
pub mod etcd;
pub mod local;
pub mod namespace;
pub mod pod_metrics;
pub mod pods;
pub mod proxy;
pub mod stand_in;
pub mod wait;
pub mod witness;

pub use cluster::{Cluster, disturbing, undisturbed};
pub use namespace::{Namespace, PodFacts};
pub use wait::{eventually, hold_for};

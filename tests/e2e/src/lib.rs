//! What every end-to-end test stands on: one cluster for all of them, a namespace for each, and a
//! report of what was there when one fails.
//!
//! With `KRUISE_E2E_KUBECONFIG` the tests run on that cluster, which must have the overlay
//! `all` deployed, and touch nothing of the machine. Without it the local cluster
//! `kruise-test` is started, or found running, and the overlay is deployed to it.
//!
//! # How a deployable adds its tests
//!
//! All tests are in one binary, `tests/it`, with a module for each deployable:
//!
//! 1. Its names go into [`names`]: the deployable's, and its kinds as a [`Resource`](kruise_api::resource::Resource).
//! 2. `mod broadcastjob;` in `tests/it/main.rs`; `tests/it/broadcastjob.rs` and modules in `tests/it/broadcastjob/`.
//!    What is too dear for CI goes into `broadcastjob/full.rs`, behind `#[cfg(feature = "full")] mod full;`.
//! 3. A test says what it needs, gets a namespace, and asks handles:
//!
//! ```ignore
//! // BJ-7
//! #[tokio::test(flavor = "multi_thread")]
//! async fn every_node_runs_one_pod() {
//!     // Needs the deployable, all nodes and the API server, beside other tests that do.
//!     let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
//!     let jobs = test.workload(BROADCASTJOBS);
//!     jobs.create("once", json!({ "template": template() })).await.unwrap();
//!     jobs.status_becomes("once", "succeeded", 3).await;
//!     assert_eq!(test.pods().all().await.len(), 3);
//! }
//!
//! #[tokio::test(flavor = "multi_thread")]
//! async fn the_next_leader_goes_on() {
//!     // No other test that needs the deployable runs meanwhile; others do. Skipped on somebody else's cluster.
//!     let Some(test) = Test::that_disturbs(BROADCASTJOB_CONTROLLER).begin_locally().await else {
//!         return;
//!     };
//!     Deployable::of(&test.client, BROADCASTJOB_CONTROLLER).kill_leader().await.unwrap();
//!     // …
//! }
//! ```
//!
//! 4. A test that takes longer than usual, and any that disturbs something, has a line in `costs.yaml`. `cargo xtask
//!    test` adds up what a deployable's tests cost, and refuses more than its budget.

// The crate serves tests only: a panic is how a test reports.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]
#![allow(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::missing_panics_doc
)]

pub mod claims;
pub mod cloneset;
pub mod cluster;
pub mod converter;
pub mod deployable;
pub mod etcd;
pub mod hollow;
mod https;
pub mod names;
pub mod namespace;
pub mod pod_metrics;
pub mod pods;
pub mod proxy;
pub mod sidecar_sets;
pub mod stand_in;
pub mod templates;
mod test;
mod times;
pub mod wait;
pub mod witness;
pub mod workload;

pub use claims::Part;
pub use cluster::Cluster;
pub use deployable::Deployable;
pub use namespace::Namespace;
pub use pods::{PodFacts, Pods};
pub use test::{Plan, Test};
pub use wait::{PATIENCE, eventually, hold_for};
pub use workload::Workload;

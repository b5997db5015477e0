//! All tests on a real cluster: one binary, so that they share one cluster, with a module for each deployable. See the
//! library's first lines for how a deployable adds its own.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod api;
mod broadcastjob;
mod cloneset;
mod deletion_protection;
mod pod_unavailable_budget;
mod runtime;
mod sidecarset;
mod sidecarterminator;

//! The controller in process: wiring, executor and lease, on an API server in memory with scheduler and kubelets.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod cluster;
mod faults;
mod hot;
mod roll_outs;
mod told;

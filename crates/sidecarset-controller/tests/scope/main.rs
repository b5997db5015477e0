//! The pod webhook's scope, on an API server in memory that uses the webhook's configuration as a real one does: as a whole,
//! and some time after it was written.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod app;
mod cluster;
mod dispatcher;
mod faults;
mod narrowing;
mod stories;
mod waiting;
mod widening;

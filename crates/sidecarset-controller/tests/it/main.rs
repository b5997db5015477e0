//! Admission by request, and the whole deployable in process. No cluster, no clock.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod admission;
mod in_process;
mod refusals;

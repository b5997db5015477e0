//! The rules over tables, and the look-ups of a process over an API server in memory.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod covered;
mod finding;
mod live;
mod of_target;
mod table;

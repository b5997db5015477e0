//! CloneSets on a real cluster. One binary, so that all tests share one cluster; those that break
//! something run alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod admission;
mod budget;
mod commands;
mod faults;
mod lifecycle;
mod mistakes;
mod operations;
mod rollout;
mod spread;
mod watches;

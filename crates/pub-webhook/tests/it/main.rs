//! What pub-webhook does, by its rules: pure tables first, then one replica by itself, then whole processes before an API
//! server in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::needless_pass_by_value)]

mod budgets;
mod cluster;
mod counting;
mod in_process;
mod linking;
mod objects;
mod observing;
mod properties;
mod racing;
mod replica;
mod scope;
mod spending;
mod waking;

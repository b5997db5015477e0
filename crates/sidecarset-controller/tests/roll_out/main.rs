//! Roll-outs to pods that are there, by table, by property and by simulation. No cluster, no clock.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod checker;
mod choosing;
mod hot;
mod lacking;
mod properties;
mod revisions;
mod told;
mod updating;
mod waking;
mod world;

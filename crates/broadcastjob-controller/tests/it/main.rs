//! The planner by table, by property and by simulation, and the whole deployable in process. No cluster, no clock.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod admission;
mod checker;
mod edge_cases;
mod in_process;
mod lost_events;
mod nodes;
mod pods;
mod properties;
mod races;
mod scenarios;
mod taken_names;
mod told;
mod unreadable;
mod wait_reasons;
mod world;

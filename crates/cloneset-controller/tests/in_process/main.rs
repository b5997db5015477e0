//! The whole controller, as its binary runs it, on a cluster in memory: its wiring, its passes and the executor, by a
//! clock that stands still until all wait. What a plan holds is told by the planner's tests; here it is carried out.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod claims;
mod cluster;
mod deadline;
mod faults;
mod gates;
mod history;
mod hooks;
mod in_place;
mod limits;
mod look;
mod order;
mod ownership;
mod scaling;
mod specs;
mod told;

//! Deletion protection: what is judged, what is counted, what is told, and all of it as it is deployed.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod cluster;
mod counting;
mod installed;
mod judging;
mod outage;
mod properties;
mod requests;
mod scenarios;
mod told;

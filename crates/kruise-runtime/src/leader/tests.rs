//! Tests of elections, against a scripted API server and a clock that stands still.

mod dead_connections;
pub(crate) mod election;

//! Tests of watches and their stores, against a scripted API server and a clock that stands still.

mod restore;
mod store;
mod watching;

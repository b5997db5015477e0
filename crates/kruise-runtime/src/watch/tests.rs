//! Tests of watches and their stores, against a scripted API server and a clock that stands still.

mod breaking;
mod fresh;
mod open_lists;
mod restore;
mod store;
mod vanished;
mod watching;

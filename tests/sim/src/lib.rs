//! Roll-outs of whole deployables, wiring, executor and leader election included, on the test kit. A seed gives a story
//! for users, misfortunes and faults. Whatever happens, the deployable must keep the rules of its kind, judged from the
//! server's own record, and reach what the specs say when the faults end.
//!
//! `cargo xtask sim` plays seeds by the thousand; the tests play the first few.

// The crate serves tests only: a panic is how a test reports.
#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]
#![allow(clippy::indexing_slicing, clippy::missing_panics_doc)]

pub mod between;
pub mod broadcastjob;
pub mod cloneset;
pub mod deployable;
pub mod faults;
pub mod front;
pub mod history;
pub mod judge;
mod mutants;
pub mod notice;
pub mod pubs;
pub mod report;
pub mod run;
pub mod sidecarset;
pub mod stage;

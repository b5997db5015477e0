//! What others may rely on: every rule that this crate implements, by its id in docs/spec.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used
)]

mod availability;
mod calculate;
mod completion;
mod conversion;
mod crd;
mod defaults;
mod instances;
mod lifecycle;
mod numbers;
mod properties;
mod quantity;
mod ranking;
mod refresh;
mod revision;
mod selector;
mod start;
mod strategic_merge;
mod support;
mod types;

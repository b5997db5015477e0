//! The wire and the domain of the OpenKruise APIs: types of the custom resources, well-known
//! strings, and the pure libraries that every workload controller shares.
//!
//! This crate knows nothing of clients, async runtimes, clocks or randomness: time and seeds are
//! arguments. Everything in it can be called from any Rust program.

pub mod apps;
pub mod availability;
pub mod budget;
pub mod conversion;
pub mod crd;
pub mod defaults;
pub mod deletion_protection;
pub mod hash;
pub mod inplace;
pub mod int_or_string;
pub mod json;
pub mod meta;
pub mod object;
mod once;
mod open_enum;
pub mod pod;
pub mod qos;
pub mod quantity;
pub mod ranking;
pub mod revision;
pub mod selector;
pub mod shared_list;
pub mod specified_delete;
pub mod strategic_merge;
pub mod template;
pub mod text;
pub mod text_map;
pub mod validation;
pub mod well_known;

/// The examples in the README, which are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

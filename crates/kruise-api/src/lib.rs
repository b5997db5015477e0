//! The wire and the domain of the OpenKruise APIs: types of the custom resources, well-known
//! strings, and the pure libraries that every workload controller shares.
//!
//! This crate knows nothing of clients, async runtimes, clocks or randomness: time and seeds are
//! arguments. Everything in it can be called from any Rust program.
//!
//! Where to look:
//!
//! * [`kinds`] has a room for each kind that a deployable of ours owns. [`apps`] and [`policy`] have their types
//!   under the names of the wire.
//! * [`conversion`] and [`crd`] answer for all kinds.
//! * [`inplace`], [`budget`], [`ranking`], [`revision`] and [`strategic_merge`] are the larger libraries.
//! * [`cron`] and [`image_name`] read what users write: schedules, and names of images.
//! * [`pod`] and [`read`] are what is read of objects, and never written back.
//! * [`well_known`] has each label, annotation and condition on the wire.

pub mod apps;
pub mod availability;
pub mod budget;
pub mod condition;
pub mod conversion;
pub mod crd;
pub mod cron;
pub mod custom_object;
pub mod defaults;
mod definition;
pub mod deletion_protection;
pub mod go_regex;
pub mod hash;
pub mod image_name;
pub mod inplace;
pub mod int_or_string;
pub mod json;
pub mod kinds;
pub mod meta;
pub mod object;
mod once;
mod open_enum;
pub mod pod;
pub mod policy;
pub mod qos;
pub mod quantity;
pub mod ranking;
pub mod read;
pub mod resource;
pub mod resource_list;
pub mod revision;
pub mod selector;
pub mod shared_list;
mod spec_parts;
pub mod specified_delete;
pub mod strategic_merge;
pub mod template;
pub mod text;
pub mod text_map;
pub mod validation;
mod versions;
pub mod well_known;
pub mod white_list;
mod wire;

/// The examples in the README, which are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

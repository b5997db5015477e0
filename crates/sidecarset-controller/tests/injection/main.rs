//! What pods get of SidecarSets: by table, by property, as the webhook answers, and from the whole deployable in process.
//! No cluster, no clock.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod again;
mod choosing;
mod env_and_mounts;
mod finding;
mod in_process;
mod places;
mod properties;
mod records;
mod resources;
mod webhook;
mod world;

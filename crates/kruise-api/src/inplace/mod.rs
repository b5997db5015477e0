//! Update of a pod in place: the library that all workloads share.
//!
//! A workload asks [`calculate`] whether one revision can become another in place, marks the pod not
//! ready with [`not_ready_patch`], begins with [`start_patch`], and calls [`refresh`] whenever the pod
//! changed: it says which single patch is due next, until the update is complete.
//!
//! Everything here decides and nothing here writes. The answers are strategic merge patches that carry
//! the pod's UID and, where they depend on what was read, its resourceVersion, so that a patch made
//! from an old view is refused instead of doing harm.
//!
//! Left out so far: change of resources in place, and of environment variables that come from
//! metadata; both are answered with [`NotInPlace`].

mod base64;
mod batch;
mod calculate;
mod completion;
mod conditions;
mod grace;
mod hashes;
pub mod lifecycle;
mod not_ready_keys;
mod patch;
mod pending;
mod refresh;
mod start;
pub mod state;

use std::collections::BTreeMap;

use serde_json::Value;

pub use calculate::{NotInPlace, calculate};
pub use completion::{Completion, completion};
pub use refresh::{Refresh, RefreshInput, refresh};
pub use start::{Start, must_become_unready, not_ready_patch, start_patch};
pub use state::{InPlaceUpdateGrace, InPlaceUpdateState};

/// What an update in place changes in a pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// New image of each container that gets one, by the container's name.
    pub images: BTreeMap<String, String>,
    /// Strategic merge patch of the pod's metadata: labels and annotations (null takes one away), and
    /// finalizers. Present, possibly empty, when the templates' metadata differ.
    pub metadata_patch: Option<Value>,
}

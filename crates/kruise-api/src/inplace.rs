//! Update of a pod in place: the library that all workloads share.
//!
//! A workload asks [`calculate`] whether one revision can become another in place, marks the pod not
//! ready where [it must be](must_become_unready) with [`not_ready_patch`], begins with [`start()`], and
//! calls [`refresh()`] whenever the pod changed: it says which write is due next, until the update is
//! complete. [`lifecycle`] moves pods between the states in which hooks hold them.
//!
//! Everything here decides and nothing here writes. The answers are strategic merge patches that carry
//! the pod's UID and, where they depend on what was read, its resourceVersion, so that a patch made
//! from an old view is refused instead of doing harm. Where several are due for one pod, they are sent
//! in order, and each follows the version that the one before returned.

mod base64;
mod batch;
mod calculate;
mod completion;
mod conditions;
mod daemon;
mod difference;
mod grace;
mod hashes;
pub mod lifecycle;
mod metadata;
mod not_ready_keys;
mod options;
mod patch;
mod pending;
mod refresh;
mod resources;
mod restart;
mod start;
pub mod state;
mod template;

use std::collections::BTreeMap;

use serde_json::Value;

pub use calculate::{NotInPlace, calculate, claim_templates_object, only_images_differ};
pub use completion::{Completion, completion};
pub use daemon::{DaemonReport, daemon_report};
pub use options::{Options, has_resize_subresource};
pub use patch::PodWrite;
pub use refresh::{Refresh, RefreshInput, refresh};
pub use resources::Resources;
pub use start::{Start, StartWrites, Workload, must_become_unready, not_ready_patch, start};
pub use state::{InPlaceUpdateGrace, InPlaceUpdateState, RefMetadata};

/// What an update in place changes in a pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// New image of each container that gets one, by the container's name.
    pub images: BTreeMap<String, String>,
    /// Resources that change, by the container's name.
    pub resources: BTreeMap<String, Resources>,
    /// New labels and annotations by the container that reads them through its environment, which
    /// takes its restart. They are not in `metadata_patch`.
    pub ref_metadata: BTreeMap<String, RefMetadata>,
    /// Strategic merge patch of the pod's metadata: labels and annotations (null takes one away), and
    /// finalizers. Present, possibly empty, when the templates' metadata differ.
    pub metadata_patch: Option<Value>,
}

impl Update {
    /// Whether some container is to get another environment, for which the node daemon restarts it.
    #[must_use]
    pub fn changes_environment(&self) -> bool {
        !self.ref_metadata.is_empty()
    }

    /// Whether a container reads this label or annotation (`map` says which of them), and gets a new
    /// value.
    fn is_read(&self, map: &str, key: &str) -> bool {
        self.ref_metadata.values().any(|read| match map {
            "labels" => read.labels.contains_key(key),
            _ => read.annotations.contains_key(key),
        })
    }
}

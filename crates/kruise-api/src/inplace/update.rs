//! What an update in place comes to, from the templates alone.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Resources, state::RefMetadata};

/// What an update in place changes in a pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// New image of each container that gets one, by the container's name.
    pub images: BTreeMap<String, String>,
    /// Resources that change, by the container's name.
    pub resources: BTreeMap<String, Resources>,
    /// New labels and annotations, by the container that reads them through its environment. The container
    /// has to be restarted for them. They are not in `metadata_patch`.
    pub ref_metadata: BTreeMap<String, RefMetadata>,
    /// Strategic merge patch of the pod's metadata: labels and annotations (null takes one away), and
    /// finalizers. Present when the templates' metadata differ, even if it is empty.
    pub metadata_patch: Option<Value>,
}

impl Update {
    /// Whether some container is to get another environment, for which the node daemon restarts it.
    #[must_use]
    pub fn changes_environment(&self) -> bool {
        !self.ref_metadata.is_empty()
    }

    /// Whether a container reads this label or annotation, and gets a new value. `map` is `labels` or
    /// `annotations`.
    pub(super) fn is_read(&self, map: &str, key: &str) -> bool {
        self.ref_metadata.values().any(|read| match map {
            "labels" => read.labels.contains_key(key),
            _ => read.annotations.contains_key(key),
        })
    }
}

/// Why a pod can't be updated in place: the first difference that rules it out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{why}", if path.is_empty() { "" } else { ": " })]
pub struct NotInPlace {
    /// JSON pointer into the pod template; empty when the reason is not about one place.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

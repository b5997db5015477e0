//! Metadata of objects of which little is read. Most of what labels and annotations say is for others, and some of it
//! is as large as the object: `kubectl apply` keeps a copy there.

use serde::Deserialize;

use crate::{
    meta::{ObjectMeta, OwnerReference, StringMap, Time},
    text_map::TextMap,
};

/// Metadata as it comes over the wire, before it is decided what is kept.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct OnTheWire {
    name: String,
    namespace: String,
    uid: String,
    resource_version: String,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
    labels: Option<StringMap>,
    annotations: Option<StringMap>,
    pub(super) owner_references: Option<Vec<OwnerReference>>,
}

/// Which labels or annotations are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All.
    All,
    /// That with this key.
    Only(&'static str),
    /// None.
    None,
}

impl Kept {
    fn of(self, map: Option<StringMap>) -> TextMap {
        let mut map = map.unwrap_or_default();
        match self {
            Self::All => map.into(),
            Self::Only(key) => map.remove_entry(key).into_iter().collect(),
            Self::None => TextMap::default(),
        }
    }
}

impl OnTheWire {
    /// What is kept of it: identity, times and owners in any case.
    #[must_use]
    pub fn keep(self, labels: Kept, annotations: Kept) -> ObjectMeta {
        let mut owner_references = self.owner_references.unwrap_or_default();
        owner_references.shrink_to_fit();
        ObjectMeta {
            name: self.name,
            namespace: self.namespace,
            uid: self.uid,
            resource_version: self.resource_version,
            creation_timestamp: self.creation_timestamp,
            deletion_timestamp: self.deletion_timestamp,
            labels: labels.of(self.labels),
            annotations: annotations.of(self.annotations),
            owner_references,
            ..ObjectMeta::default()
        }
    }
}

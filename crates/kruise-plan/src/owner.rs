//! The object that a planner plans for, as what it owns names it.

use kruise_api::meta::{ObjectMeta, OwnerReference};
use serde_json::{Value, json};

/// A workload, and of which kind it is.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Group and version of its kind, as references write them.
    pub api_version: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its metadata.
    pub metadata: &'a ObjectMeta,
}

impl<'a> Owner<'a> {
    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> &'a str {
        &self.metadata.uid
    }

    /// The reference that its objects carry (CS-30).
    #[must_use]
    pub fn reference(&self) -> Value {
        json!(OwnerReference {
            api_version: self.api_version.into(),
            kind: self.kind.into(),
            name: self.metadata.name.as_str().into(),
            uid: self.metadata.uid.as_str().into(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        })
    }
}

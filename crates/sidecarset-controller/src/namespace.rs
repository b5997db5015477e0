//! What is read of a namespace: its labels, by which SidecarSets select it.

use kruise_api::{
    meta::ObjectMeta,
    object::Object,
    read::{Kept, OnTheWire},
};
use serde::{Deserialize, Deserializer};

/// A namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Identity and labels. No annotations.
    #[serde(deserialize_with = "identity_and_labels")]
    pub metadata: ObjectMeta,
}

impl Object for Namespace {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

fn identity_and_labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = OnTheWire::deserialize(deserializer)?;
    Ok(read.keep(Kept::All, Kept::None))
}

//! What is read of namespaces: their labels, by which SidecarSets select them.

use kruise_api::{
    meta::ObjectMeta,
    object::Object,
    read::{Kept, OnTheWire},
};
use serde::{Deserialize, Deserializer};

/// A namespace. Of its metadata, annotations are not kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    /// Its metadata.
    pub metadata: ObjectMeta,
}

impl Object for Namespace {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Read {
            metadata: OnTheWire,
        }
        let Read { metadata } = Read::deserialize(deserializer)?;
        Ok(Self {
            metadata: metadata.keep(Kept::All, Kept::None),
        })
    }
}

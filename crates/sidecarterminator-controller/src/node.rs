//! A node as it is watched here: which type it is of. Kubelets report much more, all the time; nothing of that is kept.

use kruise_api::{
    meta::ObjectMeta,
    object::Object,
    read::{Kept, OnTheWire},
    well_known::{VIRTUAL_KUBELET, labels::NODE_TYPE},
};
use serde::{Deserialize, Deserializer};

/// What is kept of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredNode {
    metadata: ObjectMeta,
}

impl StoredNode {
    /// Whether there is no node daemon (ST-5).
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        let type_ = self.metadata.labels.get(NODE_TYPE);
        type_.is_some_and(|type_| type_.as_str() == VIRTUAL_KUBELET)
    }
}

impl Object for StoredNode {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de> Deserialize<'de> for StoredNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Read {
            metadata: Option<OnTheWire>,
        }

        let read = Read::deserialize(deserializer)?;
        let metadata = read.metadata.unwrap_or_default();
        Ok(Self {
            metadata: metadata.keep(Kept::Only(NODE_TYPE), Kept::None),
        })
    }
}

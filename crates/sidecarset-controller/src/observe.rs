//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::sync::Arc;

use kruise_api::resource::ObjectKey;
use kruise_runtime::{Store, Stores};

use crate::snapshot::{Memory, SidecarSet, Snapshot};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// SidecarSets.
    pub sidecar_sets: Store<SidecarSet>,
}

impl Observer {
    /// The SidecarSet of this name.
    #[must_use]
    pub fn sidecar_set(&self, key: &ObjectKey) -> Option<Arc<SidecarSet>> {
        self.sidecar_sets.get(key)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        Stores {
            all: vec![&self.sidecar_sets],
            pods: None,
            budgets: None,
        }
    }

    /// All that is to be known of a SidecarSet now.
    #[must_use]
    pub fn snapshot(&self, sidecar_set: Arc<SidecarSet>, memory: Memory) -> Snapshot {
        Snapshot {
            sidecar_set,
            memory,
        }
    }
}

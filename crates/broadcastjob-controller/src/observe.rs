//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::sync::Arc;

use kruise_api::resource::ObjectKey;
use kruise_runtime::{Store, Stores};

use crate::snapshot::{BroadcastJob, Memory, Snapshot};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// BroadcastJobs.
    pub broadcast_jobs: Store<BroadcastJob>,
}

impl Observer {
    /// The BroadcastJob of this name.
    #[must_use]
    pub fn broadcast_job(&self, key: &ObjectKey) -> Option<Arc<BroadcastJob>> {
        self.broadcast_jobs.get(key)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        Stores {
            all: vec![&self.broadcast_jobs],
            pods: None,
            budgets: None,
        }
    }

    /// All that is to be known of a BroadcastJob now.
    #[must_use]
    pub fn snapshot(&self, broadcast_job: Arc<BroadcastJob>, memory: Memory) -> Snapshot {
        Snapshot {
            broadcast_job,
            memory,
        }
    }
}

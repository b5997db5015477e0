//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::BroadcastJob, read::Node, resource::ObjectKey};
use kruise_runtime::{Clock, Store, StoreView, Stores};

use crate::{
    gates::Gates,
    memory::Memory,
    snapshot::{JobPod, Snapshot, StoredJob},
};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// BroadcastJobs.
    pub jobs: Store<StoredJob>,
    /// Their pods.
    pub pods: Store<JobPod>,
    /// All nodes.
    pub nodes: Store<Node>,
    /// Feature gates and flags.
    pub gates: Gates,
    /// The wall clock.
    pub clock: Clock,
}

impl Observer {
    /// The BroadcastJob of this name.
    #[must_use]
    pub fn job(&self, key: &ObjectKey) -> Option<Arc<BroadcastJob>> {
        self.jobs.get(key)?.object().map(Arc::new)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        let all: Vec<&dyn StoreView> = vec![&self.jobs, &self.pods];
        Stores {
            all,
            pods: Some(&self.pods),
            budgets: None,
        }
    }

    /// All that is to be known of a BroadcastJob now.
    #[must_use]
    pub fn snapshot(&self, job: Arc<BroadcastJob>, memory: Memory) -> Snapshot {
        Snapshot {
            pods: self.pods.shared_by_owner(&job.metadata.uid),
            nodes: self.nodes.all(),
            job,
            now: self.clock.now(),
            gates: self.gates,
            memory,
        }
    }
}

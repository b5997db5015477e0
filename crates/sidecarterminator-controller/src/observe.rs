//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::sync::Arc;

use kruise_api::resource::ObjectKey;
use kruise_runtime::{Clock, Store, StoreView, Stores};

use crate::{
    memory::Memory,
    node::StoredNode,
    pod::StoredPod,
    request::{self, StoredRequest},
    snapshot::Snapshot,
};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// Pods that run to completion.
    pub pods: Store<StoredPod>,
    /// All nodes.
    pub nodes: Store<StoredNode>,
    /// ContainerRecreateRequests.
    pub requests: Store<StoredRequest>,
    /// The wall clock.
    pub clock: Clock,
}

impl Observer {
    /// The pod of this name.
    #[must_use]
    pub fn pod(&self, key: &ObjectKey) -> Option<Arc<StoredPod>> {
        self.pods.get(key)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        let all: Vec<&dyn StoreView> = vec![&self.pods, &self.requests];
        Stores {
            all,
            pods: Some(&self.pods),
            budgets: None,
        }
    }

    /// All that is to be known of a pod now.
    #[must_use]
    pub fn snapshot(&self, pod: Arc<StoredPod>, memory: Memory) -> Snapshot {
        let node = pod.state.as_ref().map(|state| state.node_name.to_string());
        let namespace = pod.metadata.namespace.clone();
        let request = ObjectKey::new(namespace, request::name_for(&pod.metadata.uid));
        Snapshot {
            node: node.and_then(|node| self.nodes.get(&ObjectKey::new("", node))),
            requests_are_known: self.requests.synced() && !self.requests.kind_missing(),
            request: self.requests.get(&request),
            pod,
            now: self.clock.now(),
            memory,
        }
    }
}

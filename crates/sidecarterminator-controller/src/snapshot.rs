//! What a plan is made from: plain data, looked up before planning starts.

use std::sync::Arc;

use kruise_api::meta::Time;
use kruise_plan::Owner;

use crate::{memory::Memory, node::StoredNode, pod::StoredPod, request::StoredRequest};

/// Everything the planner knows of one pod at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The pod.
    pub pod: Arc<StoredPod>,
    /// The pod's node, if there is such a node.
    pub node: Option<Arc<StoredNode>>,
    /// Whether it is known which ContainerRecreateRequests there are: the kind may not be installed.
    pub requests_are_known: bool,
    /// The request to end the pod's sidecars, if there is one.
    pub request: Option<Arc<StoredRequest>>,
    /// The controller's clock.
    pub now: Time,
    /// What this process remembers of earlier passes; losing it loses nothing but time.
    pub memory: Memory,
}

impl Snapshot {
    /// UID of the pod.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.pod.metadata.uid
    }

    /// The pod as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: "v1",
            kind: "Pod",
            metadata: &self.pod.metadata,
        }
    }
}

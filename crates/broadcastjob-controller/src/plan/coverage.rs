//! Which nodes are served, which wait for a pod, and which pods have to go (BJ-24, BJ-40, BJ-41).

use std::collections::BTreeMap;

use kruise_api::{pod::Placement, read::Node};
use kruise_plan::{PodRef, node_fit::fits};

use crate::snapshot::{JobPod, Snapshot};

/// What the nodes come to.
#[derive(Debug, Default)]
pub(super) struct Coverage<'a> {
    /// The pod of each node that counts and has one.
    pub(super) kept: Vec<&'a JobPod>,
    /// Nodes that count and have none, by name.
    pub(super) waiting: Vec<&'a Node>,
    /// Pods that do not fit their nodes any more.
    pub(super) unfit: Vec<PodRef>,
    /// Nodes that have several pods, by name.
    pub(super) doubled: Vec<&'a str>,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, pods: &[&'a JobPod], simulated: &Placement) -> Self {
        let mut by_node: BTreeMap<&str, &JobPod> = BTreeMap::new();
        let mut doubled = Vec::new();
        for pod in pods {
            let node = pod.more.spec.placement.node();
            // The later one in the order of names is the node's.
            if by_node.insert(node, pod).is_some() && !node.is_empty() {
                doubled.push(node);
            }
        }
        doubled.sort_unstable();
        doubled.dedup();
        let mut coverage = Self {
            doubled,
            ..Self::default()
        };
        for node in &snapshot.nodes {
            match by_node.get(node.metadata.name.as_str()) {
                Some(pod) if must_go(pod, node) => coverage.unfit.push(PodRef::of(pod)),
                Some(pod) => coverage.kept.push(pod),
                None if fits(simulated, node) => coverage.waiting.push(node),
                None => {}
            }
        }
        coverage
    }

    /// How many nodes are to be served.
    pub(super) fn desired(&self) -> usize {
        self.kept.len() + self.waiting.len()
    }

    /// BJ-45: a pod that is being deleted counts as done, one over its restart limit does not.
    pub(super) fn is_done(&self) -> bool {
        self.desired() > 0
            && self.waiting.is_empty()
            && self.kept.iter().all(|pod| !pod.is_active())
    }
}

/// BJ-41, DV-BJ5: what has ended stays, wherever it is.
fn must_go(pod: &JobPod, node: &Node) -> bool {
    pod.is_active() && !fits(&pod.more.spec.placement, node)
}

//! Which nodes are served, which wait for a pod, and which pods have to go (BJ-24, BJ-40, BJ-41).

use std::collections::BTreeMap;

use kruise_api::{
    apps::v1beta1::BroadcastJob, kinds::broadcastjob::validation, pod::Placement, read::Node,
    validation::FieldError,
};
use kruise_plan::{PodRef, WaitReason, node_fit::fits};

use crate::snapshot::{JobPod, Snapshot, simulated};

/// What the nodes come to.
#[derive(Debug)]
pub(super) struct Coverage<'a> {
    /// The pod of each node that counts and has one.
    pub(super) kept: Vec<&'a JobPod>,
    /// Nodes that count and have none, by name. Nobody knows them while the template can't be read.
    pub(super) waiting: Result<Vec<&'a Node>, WaitReason>,
    /// Pods that do not fit their nodes any more.
    pub(super) unfit: Vec<PodRef>,
    /// Nodes that have several pods, by name.
    pub(super) doubled: Vec<&'a str>,
}

impl<'a> Coverage<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, pods: &[&'a JobPod]) -> Self {
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
        let (mut kept, mut without, mut unfit) = (Vec::new(), Vec::new(), Vec::new());
        for node in &snapshot.nodes {
            match by_node.get(node.metadata.name.as_str()) {
                Some(pod) if must_go(pod, node) => unfit.push(PodRef::of(pod)),
                Some(pod) => kept.push(*pod),
                None => without.push(node.as_ref()),
            }
        }
        let waiting = readable(&snapshot.job).map(|simulated| {
            without.retain(|node| fits(&simulated, node));
            without
        });
        Self {
            kept,
            waiting: waiting.map_err(WaitReason::from),
            unfit,
            doubled,
        }
    }

    /// How many nodes are to be served, if that is known.
    pub(super) fn desired(&self) -> Option<usize> {
        let waiting = self.waiting.as_ref().ok()?;
        Some(self.kept.len() + waiting.len())
    }

    /// BJ-45: a pod that is being deleted counts as done, one over its restart limit does not.
    pub(super) fn is_done(&self) -> bool {
        !self.kept.is_empty()
            && self.waiting.as_ref().is_ok_and(Vec::is_empty)
            && self.kept.iter().all(|pod| !pod.is_active())
    }
}

/// Where the template's pods may run. What admission would refuse is not read in part.
fn readable(job: &BroadcastJob) -> Result<Placement, FieldError> {
    validation::template(&job.spec.template)?;
    simulated(job).map_err(|error| validation::unreadable(&error))
}

/// BJ-41, DV-BJ5: what has ended stays, wherever it is.
fn must_go(pod: &JobPod, node: &Node) -> bool {
    pod.is_active() && !fits(&pod.more.spec.placement, node)
}

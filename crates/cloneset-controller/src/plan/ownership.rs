//! Which pods are ours (CS-27 to CS-29): kept, adopted or released.

use std::sync::Arc;

use kruise_api::pod::Pod;
use kruise_plan::PodPatch;
use serde_json::json;

use super::step::Step;
use crate::{
    known_pods::{KnownPods, PodFacts},
    snapshot::Snapshot,
};

/// Which pods are ours, and what makes it so.
pub(super) struct Owned<'a> {
    /// Active pods that are ours, by name.
    pub(super) pods: Vec<&'a Arc<Pod>>,
    /// What is to be known of each of them.
    pub(super) facts: Vec<&'a PodFacts>,
    /// Writes that make it so.
    pub(super) steps: Vec<Step>,
}

pub(super) fn sort<'a>(snapshot: &Snapshot, known: &'a KnownPods) -> Owned<'a> {
    let uid = snapshot.uid();
    let terminating = snapshot.set.metadata.is_terminating();
    let mut pods = Vec::new();
    let mut facts = Vec::new();
    let mut releases = Vec::new();
    let mut adoptions = Vec::new();
    for (pod, its) in known.iter().filter(|(_, its)| its.is_active) {
        match &its.manager {
            Some(manager) if manager != uid => {}
            Some(_) if its.is_selected => {
                pods.push(pod);
                facts.push(its);
            }
            Some(_) if !terminating => releases.push(release(pod, uid)),
            None if its.is_selected && !terminating => adoptions.push(adopt(snapshot, pod)),
            Some(_) | None => {}
        }
    }
    let mut steps = Vec::new();
    if !releases.is_empty() {
        steps.push(Step::PatchPods { patches: releases });
    }
    if !adoptions.is_empty() {
        steps.push(Step::AdoptPods { patches: adoptions });
    }
    Owned { pods, facts, steps }
}

fn release(pod: &Pod, uid: &str) -> PodPatch {
    PodPatch::of(
        pod,
        json!({
            "metadata": {
                "uid": pod.metadata.uid,
                "resourceVersion": pod.metadata.resource_version,
                "ownerReferences": [{ "$patch": "delete", "uid": uid }],
            },
        }),
    )
}

fn adopt(snapshot: &Snapshot, pod: &Pod) -> PodPatch {
    PodPatch::of(
        pod,
        json!({
            "metadata": {
                "uid": pod.metadata.uid,
                "resourceVersion": pod.metadata.resource_version,
                "ownerReferences": [snapshot.owner().reference()],
            },
        }),
    )
}

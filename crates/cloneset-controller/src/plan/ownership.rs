//! Which pods are ours (CS-27 to CS-29): kept, adopted or released.

use std::sync::Arc;

use kruise_api::pod::Pod;
use kruise_plan::workload::Ownership;

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
    let owner = snapshot.owner();
    let mut pods = Vec::new();
    let mut facts = Vec::new();
    let mut releases = Vec::new();
    let mut adoptions = Vec::new();
    for (pod, its) in known.iter().filter(|(_, its)| its.is_active) {
        match Ownership::of(&owner, pod, its.manager.as_deref(), its.is_selected) {
            Ownership::Ours => {
                pods.push(pod);
                facts.push(its);
            }
            Ownership::Released(patch) => releases.push(patch),
            Ownership::Adopted(patch) => adoptions.push(patch),
            Ownership::NotOurs => {}
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

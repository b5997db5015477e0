//! Which pods are ours (CS-27 to CS-29): kept, adopted or released.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::CloneSet, meta::OwnerReference, object::CustomResource, pod::Pod};
use serde_json::{Value, json};

use super::{KnownPods, PodPatch, Step, known_pods::PodFacts};
use crate::snapshot::Snapshot;

/// The outcome of claiming.
pub(super) struct Claimed<'a> {
    /// Active pods that are ours, by name.
    pub(super) pods: Vec<&'a Arc<Pod>>,
    /// What is to be known of each of them.
    pub(super) facts: Vec<&'a PodFacts>,
    /// Writes that make it so.
    pub(super) steps: Vec<Step>,
}

pub(super) fn claim<'a>(snapshot: &Snapshot, known: &'a KnownPods) -> Claimed<'a> {
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
    Claimed { pods, facts, steps }
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
                "ownerReferences": [owner_reference(snapshot)],
            },
        }),
    )
}

/// The reference that our objects carry (CS-30).
pub(super) fn owner_reference(snapshot: &Snapshot) -> Value {
    let metadata = &snapshot.set.metadata;
    json!(OwnerReference {
        api_version: CloneSet::API_VERSION.into(),
        kind: CloneSet::KIND.into(),
        name: metadata.name.as_str().into(),
        uid: metadata.uid.as_str().into(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}

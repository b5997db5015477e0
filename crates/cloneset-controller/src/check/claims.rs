//! What no plan may do to volume claims, and what new pods and their claims have to do with each other.

use std::collections::BTreeSet;

use kruise_api::pod::Pod;
use serde_json::Value;

use super::Facts;
use crate::{
    plan::{ClaimRef, NewPod},
    snapshot::{Claim, instance_id},
};

pub(super) fn violations(facts: &Facts<'_>, found: &mut Vec<String>) {
    facts.only_our_claims(found);
    facts.no_claims_that_are_to_be_kept(found);
    facts.pods_that_stay_keep_their_claims(found);
    facts.claims_go_with_their_pod(found);
    for pod in &facts.writes.creations {
        facts.no_id_is_reused_unasked(pod, found);
        facts.pod_and_claims_agree(pod, found);
    }
}

impl<'a> Facts<'a> {
    fn claim(&self, claim: &ClaimRef) -> Option<&'a Claim> {
        let claims = &self.snapshot.claims;
        let known = claims
            .iter()
            .find(|known| known.metadata.uid == claim.uid && known.metadata.name == claim.name);
        known.map(AsRef::as_ref)
    }

    fn pods_with(&self, id: &str) -> impl Iterator<Item = &'a Pod> {
        let pods = self.snapshot.pods.iter();
        pods.map(AsRef::as_ref)
            .filter(move |pod| instance_id(&pod.metadata) == id)
    }

    fn is_deleted(&self, pod: &Pod) -> bool {
        let deletions = &self.writes.deletions;
        deletions.iter().any(|gone| gone.uid == pod.metadata.uid)
    }

    fn only_our_claims(&self, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        let moved = self.writes.claim_moves.iter().map(|moved| &moved.claim);
        for touched in moved.chain(self.writes.claim_deletions.iter().copied()) {
            match self.claim(touched) {
                None => found.push(format!("claim {} is not in the snapshot", touched.name)),
                Some(claim) if !claim.metadata.is_owned_by(self.snapshot.uid()) => {
                    found.push(format!("claim {} is not ours", touched.name));
                }
                Some(claim) if claim.metadata.is_terminating() => {
                    found.push(format!("claim {} is terminating already", touched.name));
                }
                Some(_) => {}
            }
            if !seen.insert(&touched.uid) {
                found.push(format!("claim {} is touched twice", touched.name));
            }
        }
    }

    /// DV-CS17
    fn no_claims_that_are_to_be_kept(&self, found: &mut Vec<String>) {
        let snapshot = self.snapshot;
        let touches =
            !self.writes.claim_moves.is_empty() || !self.writes.claim_deletions.is_empty();
        if snapshot.set.metadata.is_terminating() && touches {
            found.push("claims of a terminating CloneSet are touched".to_owned());
        }
        let deletions = self.writes.claim_deletions.iter();
        for claim in deletions.filter_map(|claim| self.claim(claim)) {
            let id = instance_id(&claim.metadata);
            let pod = format!("{}-{id}", snapshot.set.metadata.name);
            if self.pods_with(id).next().is_none() && snapshot.taken_names.contains(&pod) {
                found.push(format!(
                    "claim {} is deleted, and pod {pod}, which is not ours, is there",
                    claim.metadata.name
                ));
            }
        }
    }

    /// A pod that is updated in place stays, so this is about it too (CS-76).
    fn pods_that_stay_keep_their_claims(&self, found: &mut Vec<String>) {
        let stays = |pod: &&Pod| pod.is_active() && !self.is_deleted(pod);
        for deleted in &self.writes.claim_deletions {
            let Some(claim) = self.claim(deleted) else {
                continue;
            };
            let id = instance_id(&claim.metadata);
            if let Some(pod) = self.pods_with(id).find(stays).filter(|_| !id.is_empty()) {
                found.push(format!(
                    "claim {} is deleted, and its pod {} stays",
                    deleted.name, pod.metadata.name
                ));
            }
        }
        for moved in &self.writes.claim_moves {
            let Some(claim) = self.claim(&moved.claim) else {
                continue;
            };
            let is_its_own = self
                .pods_with(instance_id(&claim.metadata))
                .any(|pod| pod.metadata.uid == moved.pod.uid && !pod.is_active());
            if !is_its_own {
                found.push(format!(
                    "claim {} goes to {}, which is not its pod or not on its way out",
                    moved.claim.name, moved.pod.name
                ));
            }
        }
    }

    /// CS-76
    fn claims_go_with_their_pod(&self, found: &mut Vec<String>) {
        let uid = self.snapshot.uid();
        for claim in &self.snapshot.claims {
            let metadata = &claim.metadata;
            let id = instance_id(metadata);
            if id.is_empty() || metadata.is_terminating() || !metadata.is_owned_by(uid) {
                continue;
            }
            let mut pods = self.pods_with(id).filter(|pod| pod.is_active()).peekable();
            let goes = self
                .writes
                .claim_deletions
                .iter()
                .any(|gone| gone.uid == metadata.uid);
            if !goes && pods.peek().is_some() && pods.all(|pod| self.is_deleted(pod)) {
                found.push(format!("claim {} outlives its pod", metadata.name));
            }
        }
    }

    /// CS-58, CS-74, CS-77
    fn no_id_is_reused_unasked(&self, pod: &NewPod, found: &mut Vec<String>) {
        let id = id_of(&pod.metadata);
        if id.is_empty() {
            return;
        }
        if self.pods_with(id).next().is_some() {
            found.push(format!("pod {}: its id is still a pod's", pod.name));
        }
        let snapshot = self.snapshot;
        let is_a_claims = |claim: &Claim| instance_id(&claim.metadata) == id;
        // The creation that failed before is done again.
        let is_again = snapshot.memory.refused_ids.contains(id);
        if !self.terms.reuses_claims
            && !is_again
            && snapshot.claims.iter().any(|claim| is_a_claims(claim))
        {
            found.push(format!("pod {}: its id is reused", pod.name));
        }
    }

    /// CS-71, CS-72: a volume for each template, each of a claim of the pod's own that is there or is made.
    fn pod_and_claims_agree(&self, pod: &NewPod, found: &mut Vec<String>) {
        let snapshot = self.snapshot;
        let templates = snapshot.set.spec.volume_claim_templates.as_deref();
        let mut wanted = BTreeSet::new();
        for template in templates.unwrap_or_default() {
            let name = text(template, "/metadata/name");
            let claim = format!("{name}-{}", pod.name);
            let volumes = pod.spec.get("volumes").and_then(Value::as_array);
            let has_volume = volumes.into_iter().flatten().any(|volume| {
                text(volume, "/name") == name
                    && text(volume, "/persistentVolumeClaim/claimName") == claim
            });
            if !has_volume {
                found.push(format!("pod {} has no volume of claim {claim}", pod.name));
            }
            let is_there = snapshot
                .claims
                .iter()
                .any(|known| known.metadata.name == claim && !known.metadata.is_terminating());
            let is_made = pod.claims.iter().any(|made| made.name == claim);
            if is_there == is_made {
                found.push(format!(
                    "claim {claim} is there: {is_there}, is made: {is_made}"
                ));
            }
            wanted.insert(claim);
        }
        for made in &pod.claims {
            if !wanted.contains(&made.name)
                || made.body.get("metadata").map_or("", id_of) != id_of(&pod.metadata)
            {
                found.push(format!("claim {} is not of pod {}", made.name, pod.name));
            }
            if text(&made.body, "/metadata/ownerReferences/0/uid") != snapshot.uid() {
                found.push(format!("claim {} is not made ours", made.name));
            }
        }
    }
}

fn id_of(metadata: &Value) -> &str {
    text(metadata, "/labels/apps.kruise.io~1cloneset-instance-id")
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

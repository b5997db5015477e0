//! Volume claims in the simulated cluster: the protection of claims in use, and garbage collection.

use cloneset_controller::plan::{ClaimRef, NewPod, Step};
use kruise_api::strategic_merge::{self, Schema};
use serde_json::{Value, json};

use super::World;

impl World {
    pub(super) fn apply_to_claims(&mut self, step: &Step) {
        match step {
            Step::MoveClaims { moves } => {
                for moved in moves {
                    self.story
                        .push(format!("move {} to {}", moved.claim.name, moved.pod.name));
                    self.patch_claim(&moved.claim.name, &moved.patch);
                }
            }
            Step::DeleteOrphanClaims { claims } => {
                for orphan in claims {
                    let pod = orphan.pod.as_ref().and_then(|pod| self.pods.get(pod));
                    assert!(!pod.is_some_and(|pod| is_owned_by(pod, "set-uid")));
                    self.delete_claim_of(&orphan.claim);
                }
            }
            _ => unreachable!("not about claims"),
        }
    }

    pub(super) fn delete_claim_of(&mut self, claim: &ClaimRef) {
        self.story.push(format!("delete claim {}", claim.name));
        if self.may_write() {
            let there = &self.claims[&claim.name];
            assert_eq!(there["metadata"]["uid"], json!(claim.uid));
            self.delete_claim(&claim.name);
        }
    }

    /// Whether the pod can be created after that. As the executor: an own one that is there already will do.
    pub(super) fn create_claims(&mut self, pod: &NewPod) -> bool {
        for claim in &pod.claims {
            if !self.may_write() {
                return false;
            }
            let mut body = claim.body.clone();
            match self.claims.get(&claim.name) {
                Some(there) if is_owned_by(there, "set-uid") && !is_terminating(there) => {}
                Some(_) => {
                    self.story.push(format!("claim {} is taken", claim.name));
                    return false;
                }
                None => {
                    body["metadata"]["resourceVersion"] = self.next_version();
                    body["metadata"]["uid"] = json!(format!("claim-{}", self.version));
                    self.claims.insert(claim.name.clone(), body);
                }
            }
        }
        true
    }

    fn patch_claim(&mut self, name: &str, patch: &Value) {
        if !self.may_write() {
            return;
        }
        let version = self.next_version();
        let claim = self.claims.get_mut(name).unwrap();
        for field in ["resourceVersion", "uid"] {
            assert_eq!(patch["metadata"][field], claim["metadata"][field], "{name}");
        }
        *claim = strategic_merge::apply(Schema::PersistentVolumeClaim, claim, patch).unwrap();
        claim["metadata"]["resourceVersion"] = version;
    }

    /// It goes when no pod uses it any more.
    pub(crate) fn delete_claim(&mut self, name: &str) {
        let now = json!(self.now.to_string());
        let version = self.next_version();
        let metadata = &mut self.claims.get_mut(name).unwrap()["metadata"];
        metadata["deletionTimestamp"] = now;
        metadata["resourceVersion"] = version;
    }

    /// What `kubectl delete pod` does.
    pub(crate) fn delete_pod(&mut self, name: &str) {
        let now = json!(self.now.to_string());
        self.pods.get_mut(name).unwrap()["metadata"]["deletionTimestamp"] = now;
    }

    /// Deletes claims whose last owner is gone, and lets terminating ones go that nobody uses. Whether
    /// anything changed.
    pub(super) fn collect_claims(&mut self) -> bool {
        let uids = self.uids();
        let is_alive = |owner: &Value| {
            owner["uid"] == "set-uid" || uids.iter().any(|uid| owner["uid"] == **uid)
        };
        let orphans: Vec<String> = self
            .claims
            .iter()
            .filter(|(_, claim)| {
                let owners = claim["metadata"]["ownerReferences"].as_array();
                let mut owners = owners.into_iter().flatten().peekable();
                !is_terminating(claim) && owners.peek().is_some() && !owners.any(is_alive)
            })
            .map(|(name, _)| name.clone())
            .collect();
        for name in &orphans {
            self.delete_claim(name);
        }
        let used: Vec<String> = self.pods.values().flat_map(claims_of).collect();
        let before = self.claims.len();
        self.claims
            .retain(|name, claim| !is_terminating(claim) || used.contains(name));
        !orphans.is_empty() || self.claims.len() < before
    }

    /// UIDs of the claims that are not terminating, by name.
    pub(crate) fn claim_uids(&self) -> Vec<(String, String)> {
        self.claims
            .iter()
            .filter(|(_, claim)| !is_terminating(claim))
            .map(|(name, claim)| {
                let uid = claim["metadata"]["uid"].as_str().unwrap();
                (name.clone(), uid.to_owned())
            })
            .collect()
    }
}

/// Names of the claims that a pod mounts.
pub(crate) fn claims_of(pod: &Value) -> Vec<String> {
    let volumes = pod["spec"]["volumes"].as_array().cloned();
    volumes
        .unwrap_or_default()
        .iter()
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

pub(crate) fn is_owned_by(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners
        .into_iter()
        .flatten()
        .any(|owner| owner["uid"] == uid)
}

/// A claim template of this size.
pub(crate) fn claim_template(name: &str, storage: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": storage } },
        },
    })
}

//! Volume claims as tests look at them.

use serde_json::{Value, json};

use super::World;

impl World {
    /// It goes when no pod uses it any more.
    pub(crate) fn delete_claim(&mut self, name: &str) {
        self.claims.delete(name);
    }

    /// UIDs of the claims that are not terminating, by name.
    pub(crate) fn claim_uids(&self) -> Vec<(String, String)> {
        let claims = self.claims.all().into_iter();
        let claims = claims.filter(|(_, claim)| !is_terminating(claim));
        let uids = claims.map(|(name, claim)| {
            let uid = claim["metadata"]["uid"].as_str().unwrap();
            (name, uid.to_owned())
        });
        uids.collect()
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

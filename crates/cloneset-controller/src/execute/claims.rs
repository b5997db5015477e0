//! Volume claims: made before their pod, given to it, and deleted after it.

use kruise_api::resource::{PERSISTENT_VOLUME_CLAIMS, PODS};
use kruise_runtime::PatchKind;
use serde_json::Value;

use super::Executor;
use crate::{
    error::Error,
    plan::{ClaimMove, ClaimRef, NewClaim, OrphanClaim},
};

impl Executor<'_> {
    /// One that is there already will do if it is the CloneSet's and stays.
    pub(super) async fn create_claim(&self, claim: &NewClaim) -> Result<(), Error> {
        let created = self
            .create(&PERSISTENT_VOLUME_CLAIMS, &claim.name, &claim.body)
            .await;
        match created {
            Err(error) if error.is_already_there() => self.check_claim(&claim.name).await,
            created => created,
        }
    }

    async fn check_claim(&self, name: &str) -> Result<(), Error> {
        let key = self.key(name);
        let live = self
            .client
            .get(&PERSISTENT_VOLUME_CLAIMS, &key)
            .await
            .map_err(|source| {
                self.write_error("get", PERSISTENT_VOLUME_CLAIMS.kind, name, source)
            })?;
        match why_not_usable(live.as_ref(), &self.set.metadata.uid) {
            None => Ok(()),
            Some(why) => Err(Error::ClaimNotUsable {
                claim: key.to_string(),
                why,
            }),
        }
    }

    pub(super) async fn move_claim(&self, claim: &ClaimMove) -> Result<(), Error> {
        let moved = self
            .patch(
                &PERSISTENT_VOLUME_CLAIMS,
                &claim.claim.name,
                None,
                PatchKind::Strategic,
                &claim.patch,
            )
            .await;
        match moved {
            Err(error) if error.is_not_found() => Ok(()),
            moved => {
                let moved = moved.map(drop);
                self.tell_failure(&moved, "FailedUpdate");
                moved
            }
        }
    }

    pub(super) async fn delete_claim(&self, claim: &ClaimRef) -> Result<(), Error> {
        let deleted = self
            .delete(&PERSISTENT_VOLUME_CLAIMS, &claim.name, &claim.uid)
            .await;
        self.tell_failure(&deleted, "FailedDelete");
        match deleted {
            Err(error) if error.is_not_found() => Ok(()),
            deleted => deleted,
        }
    }

    /// A claim whose pod lives, and is only not seen or not ours any more, stays (DV-CS17).
    pub(super) async fn delete_orphan(&self, orphan: &OrphanClaim) -> Result<(), Error> {
        if let Some(pod) = &orphan.pod {
            let live = self
                .client
                .get(&PODS, &self.key(pod))
                .await
                .map_err(|source| self.write_error("get", PODS.kind, pod, source))?;
            let keeps = |live: &Value| {
                is_owned_by(live, &self.set.metadata.uid) || mounts(live, &orphan.claim.name)
            };
            if live.as_ref().is_some_and(keeps) {
                let in_use = (orphan.claim.uid.clone(), pod.clone());
                self.found().claims_in_use.push(in_use);
                return Ok(());
            }
        }
        self.delete_claim(&orphan.claim).await
    }
}

/// Why a claim that is there already is not one that a pod of this CloneSet can use.
fn why_not_usable(live: Option<&Value>, set_uid: &str) -> Option<&'static str> {
    let is_ours = live.is_some_and(|live| is_owned_by(live, set_uid));
    let is_terminating =
        live.is_some_and(|live| live.pointer("/metadata/deletionTimestamp").is_some());
    match live {
        None => Some("it was there, and is gone by now"),
        Some(_) if !is_ours => Some("it is there already and belongs to somebody else"),
        Some(_) if is_terminating => Some("the one of that name is still terminating"),
        Some(_) => None,
    }
}

fn is_owned_by(live: &Value, set_uid: &str) -> bool {
    let owners = live
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    owners
        .into_iter()
        .flatten()
        .any(|owner| owner.get("uid").and_then(Value::as_str) == Some(set_uid))
}

/// Whether the pod has the claim among its volumes.
fn mounts(pod: &Value, claim: &str) -> bool {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array);
    let mut names = volumes.into_iter().flatten().filter_map(|volume| {
        let name = volume.pointer("/persistentVolumeClaim/claimName");
        name.and_then(Value::as_str)
    });
    names.any(|name| name == claim)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    // DV-CS17: whoever its owner is.
    #[rstest]
    #[case::it(json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data-web-a" } }]), true)]
    #[case::another(json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data-web-b" } }]), false)]
    #[case::something_else(json!([{ "name": "data-web-a", "emptyDir": {} }]), false)]
    #[case::nothing(Value::Null, false)]
    fn a_pod_mounts_what_its_volumes_name(#[case] volumes: Value, #[case] wanted: bool) {
        let pod = json!({ "spec": { "volumes": volumes } });
        assert_eq!(mounts(&pod, "data-web-a"), wanted);
    }

    // CS-61
    #[rstest]
    #[case::gone(Value::Null, Some("gone"))]
    #[case::nobodys(json!({}), Some("somebody else"))]
    #[case::anothers(json!({ "ownerReferences": [{ "uid": "other" }] }), Some("somebody else"))]
    #[case::terminating(
        json!({ "ownerReferences": [{ "uid": "set" }], "deletionTimestamp": "2026-01-10T08:00:00Z" }),
        Some("terminating")
    )]
    #[case::ours(json!({ "ownerReferences": [{ "uid": "other" }, { "uid": "set" }] }), None)]
    fn a_claim_that_is_there_is_used_if_it_is_ours_and_stays(
        #[case] metadata: Value,
        #[case] words: Option<&str>,
    ) {
        let live = (!metadata.is_null()).then(|| json!({ "metadata": metadata }));
        let why = why_not_usable(live.as_ref(), "set");
        assert_eq!(why.is_some(), words.is_some());
        assert!(why.unwrap_or_default().contains(words.unwrap_or_default()));
    }
}

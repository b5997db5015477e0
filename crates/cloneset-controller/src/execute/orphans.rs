//! Volume claims whose pods are gone. What is in a volume comes back with no later look, so each pod is looked for
//! live before its claim is deleted (CS-74, DV-CS17).

use kruise_api::{
    object::names_owner,
    resource::{ObjectKey, PODS},
};
use kruise_plan::stage::Stage;
use kruise_runtime::StageError;
use serde_json::Value;

use super::Execution;
use crate::{lower::delete_claim, memory::Found, plan::OrphanClaim};

impl Execution<'_> {
    /// Deletes claims, one after the other. A claim stays whose pod lives, and is only not seen or not ours any more.
    pub(super) async fn delete_orphans(
        &self,
        orphans: &[OrphanClaim],
        found: &mut Found,
    ) -> Result<(), StageError> {
        for OrphanClaim { claim, pod } in orphans {
            if let Some(pod) = pod
                && let Some(live) = self.live_pod(pod).await?
                && (names_owner(&live, self.snapshot.uid()) || mounts(&live, &claim.name))
            {
                let in_use = (claim.uid.clone(), pod.clone());
                found.claims_in_use.push(in_use);
                continue;
            }
            let deletion = Stage::of(delete_claim(claim));
            self.executor.stages(&[deletion]).await?;
        }
        Ok(())
    }

    async fn live_pod(&self, name: &str) -> Result<Option<Value>, StageError> {
        let key = ObjectKey::new(self.snapshot.set.metadata.namespace.clone(), name);
        let live = self.client.get(&PODS, &key).await;
        live.map_err(|source| StageError::Write {
            verb: "get",
            kind: PODS.kind,
            object: key.to_string(),
            source,
        })
    }
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
}

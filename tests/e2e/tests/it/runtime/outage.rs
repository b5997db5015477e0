//! What goes on while nobody answers webhooks.

use e2e::{
    PATIENCE, Test,
    cloneset::spec,
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, HOLD},
};
use k8s_openapi::api::core::v1::Namespace as CoreNamespace;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::runtime::controller;

const PROTECTED: &str = "policy.kruise.io/delete-protection";

// DV-CS11, PF-230
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_deletion_goes_on() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    for name in ["plain", "held", "protected"] {
        sets.create(name, spec(0, json!({}))).await.unwrap();
    }
    sets.patch("held", json!({ "metadata": { "finalizers": [HOLD] } }))
        .await;
    sets.patch(
        "protected",
        json!({ "metadata": { "labels": { PROTECTED: "Cascading" } } }),
    )
    .await;
    controller(&test).scale(0).await;

    let delete = async |name| sets.api().delete(name, &DeleteParams::default()).await;
    let refused = sets.create("new", spec(0, json!({}))).await;
    let protected = delete("protected").await;
    let plain = delete("plain").await;
    let held = delete("held").await;
    let patch = json!({ "metadata": { "finalizers": [] } });
    let let_go = sets.try_patch("held", patch).await;
    let namespaces = Api::<CoreNamespace>::all(test.client.clone());
    namespaces
        .delete(&test.name, &DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace is gone", PATIENCE, || async {
        match namespaces.get_opt(&test.name).await? {
            None => Ok(()),
            Some(namespace) => anyhow::bail!("{:?}", namespace.status),
        }
    })
    .await;

    controller(&test).scale(2).await;
    let calling = |error: kube::Error| error.to_string().contains("failed calling webhook");
    assert!(calling(refused.unwrap_err()));
    assert!(calling(protected.unwrap_err()));
    plain.unwrap();
    held.unwrap();
    let_go.unwrap();
}

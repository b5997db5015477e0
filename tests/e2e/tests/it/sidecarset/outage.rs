//! What goes on while no replica answers, and right after.

use e2e::{Deployable, Test, names::SIDECARSET_CONTROLLER, sidecar_sets::containers};
use serde_json::json;

use super::{agent, create, create_ready, pod};

// PF-S43, PF-908, DV-D4: pods that no SidecarSet selects are created without a failure; selected ones wait for a replica.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_other_pods_are_created() {
    let Some(test) = Test::that_disturbs(SIDECARSET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let controller = Deployable::of(&test.client, SIDECARSET_CONTROLLER);
    let set = agent(&test, json!({})).await;
    create_ready(&test, 1).await;
    narrowed(&test).await;
    controller.scale(0).await;
    let other = json!({ "metadata": { "labels": { "app": "other" } } });
    let mut created = vec![];
    for number in 0..20 {
        created.push(create(&test, &pod(&format!("other-{number}"), other.clone())).await);
    }
    let selected = create(&test, &pod("web-1", json!({}))).await;
    controller.scale(2).await;
    for created in created {
        assert_eq!(containers(&created.unwrap()), ["app"]);
    }
    let refused = selected.unwrap_err().to_string();
    assert!(refused.contains("failed calling webhook"), "{refused}");
    let again = create(&test, &pod("web-1", json!({}))).await.unwrap();
    assert_eq!(containers(&again), ["agent", "app"]);
    drop(set);
}

/// Waits until the API server asks about pods of known SidecarSets alone.
pub(super) async fn narrowed(test: &Test) {
    use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
    let api = kube::Api::<MutatingWebhookConfiguration>::all(test.client.clone());
    let name = "kruise-20-sidecarset-controller-mutating-webhook-configuration";
    e2e::eventually("the pod webhook is narrow", e2e::PATIENCE, || async {
        let configuration = api.get(name).await.map_err(|error| error.to_string())?;
        let entries = configuration.webhooks.unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.name == "mpod.kb.io");
        let conditions = entry.and_then(|entry| entry.match_conditions.as_ref());
        match conditions {
            Some(conditions) if !conditions.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

//! While no replica runs.

use std::time::Duration;

use e2e::{
    Deployable, Namespace, Test, eventually,
    names::PUB_WEBHOOK,
    pods::{is_ready, name_of},
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{all_serve, bare, delete, evict, names, shop};

/// Decision 10, PF-S43: what is free anyway does not depend on us, to the kubelet's last deletion.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_only_protected_pods_wait() {
    let Some(test) = Test::that_disturbs(PUB_WEBHOOK).begin_locally().await else {
        return;
    };
    let controller = Deployable::of(&test.client, PUB_WEBHOOK);
    let budgets = shop(&test, 2, json!(1)).await;
    bare(&test, "bare", json!({})).await;
    // It is linked, and never ready.
    bare(
        &test,
        "starting",
        json!({
            "metadata": { "annotations": { "pub.kruise.io/related-pub": "shop" } },
            "spec": { "containers": [json!({ "name": "app", "image": "registry.local/none:1" })] },
        }),
    )
    .await;
    let elsewhere = Namespace::create("without-budget").await;
    bare(&elsewhere, "bare", json!({})).await;
    let ready = |pods: &[Pod]| {
        pods.iter()
            .any(|pod| name_of(pod) == "bare" && is_ready(pod))
    };
    test.pods().when("bare is ready", ready).await;
    elsewhere.pods().when("bare is ready", ready).await;
    let ours = names(&test)
        .await
        .into_iter()
        .find(|name| name.starts_with("web-"))
        .unwrap();
    controller.scale(0).await;

    let answers = [
        ("a pod without link", delete(&test, "bare").await),
        ("a pod that is not ready", delete(&test, "starting").await),
        ("an eviction elsewhere", evict(&elsewhere, "bare").await),
    ];
    let protected = [delete(&test, &ours).await, evict(&test, &ours).await];
    let label = json!({ "metadata": { "labels": { "tier": "a" } } });
    let labelled = test
        .pods()
        .api()
        .patch(&ours, &PatchParams::default(), &Patch::Merge(label))
        .await;
    bare(&test, "new", json!({})).await;
    // The kubelet has the last word on pods that go.
    let gone = eventually(
        "pods that may go are gone",
        Duration::from_secs(20),
        || async {
            let left: Vec<String> = test.pods().all().await.iter().map(name_of).collect();
            let is_left = |name: &str| left.iter().any(|it| it == name);
            if is_left("bare") || is_left("starting") {
                Err(left.clone())
            } else {
                Ok(())
            }
        },
    );
    let gone = tokio::time::timeout(Duration::from_secs(25), gone).await;
    controller.scale(2).await;

    gone.unwrap();
    for (what, answer) in answers {
        answer.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    for answer in protected {
        let error = answer.unwrap_err();
        assert!(error.contains("failed calling webhook"), "{error}");
    }
    labelled.unwrap();
    all_serve(&test, &budgets, 2).await;
}

//! An image that can't be pulled, and the corrected one: pods that are missing or broken hold up no cure (DV-CS16).

use e2e::{
    PATIENCE, Test,
    cloneset::small,
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS},
    templates::image,
};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

fn anew() -> Value {
    json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 1 })
}

// CloneSet 7.1, CS-55: what is marked makes room in the quota.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_full_of_broken_pods_takes_the_corrected_ones() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let quota: ResourceQuota = serde_json::from_value(json!({
        "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } },
    }))
    .unwrap();
    let quotas: Api<ResourceQuota> = Api::namespaced(test.client.clone(), &test.name);
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    let mut spec = small(4, anew());
    spec["template"]["spec"]["containers"][0]["image"] = json!(image(404));
    sets.create("web", spec).await.unwrap();
    test.pods().n(2).await;

    sets.set_app_image("web", &image(2)).await;
    // The server counts pods late, so that it may let one more in than the quota says.
    eventually("only corrected pods", PATIENCE, || async {
        let available = sets.get("web").await["status"]["updatedAvailableReplicas"].clone();
        let facts = test.pods().facts().await;
        let are_corrected = facts.values().all(|pod| pod.images["app"] == image(2));
        if are_corrected && available.as_i64() >= Some(2) {
            Ok(())
        } else {
            Err((available, facts))
        }
    })
    .await;
}

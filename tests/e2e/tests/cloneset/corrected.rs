//! An image that can't be pulled, and the corrected one: pods that are missing or broken hold up no cure (DV-CS16).

use e2e::{
    Namespace,
    namespace::{PATIENCE, image, in_place},
    pods::small,
    undisturbed,
};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{Api, api::PostParams};
use serde_json::{Value, json};

fn anew() -> Value {
    json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 1 })
}

async fn grows_with_a_broken_image(name: &str, terms: Value) {
    let test = Namespace::create(name).await;
    let mut spec = small(2, terms);
    spec["scaleStrategy"] = json!({ "maxUnavailable": 1 });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    test.patch("web", json!({ "spec": { "replicas": 5 } }))
        .await;
    test.set_app_image("web", &image(404)).await;
    test.n_pods(3).await;
    test.waits_for("web", "ScaleUpLimited").await;

    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    test.stops_waiting("web").await;
    for (pod, facts) in test.facts().await {
        assert_eq!(facts.images["app"], image(2), "{pod}");
    }
}

// CS-51, CS-86, CS-P9
#[tokio::test(flavor = "multi_thread")]
async fn a_limited_scale_out_with_a_broken_image_ends_in_place() {
    let _guard = undisturbed().await;
    grows_with_a_broken_image("corrected", in_place(json!(1))).await;
}

// CS-51, CS-86, CS-91
#[tokio::test(flavor = "multi_thread")]
async fn a_limited_scale_out_with_a_broken_image_ends_anew() {
    let _guard = undisturbed().await;
    grows_with_a_broken_image("correctedanew", anew()).await;
}

// CloneSet 7.1, CS-55: what is marked makes room in the quota.
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_full_of_broken_pods_takes_the_corrected_ones() {
    let _guard = undisturbed().await;
    let test = Namespace::create("correctedquota").await;
    let quota: ResourceQuota = serde_json::from_value(json!({
        "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } },
    }))
    .unwrap();
    let quotas: Api<ResourceQuota> = Api::namespaced(test.client.clone(), &test.name);
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    let mut spec = small(4, anew());
    spec["template"]["spec"]["containers"][0]["image"] = json!(image(404));
    test.create_clone_set("web", spec).await.unwrap();
    test.n_pods(2).await;

    test.set_app_image("web", &image(2)).await;
    // The server counts pods late, so that it may let one more in than the quota says.
    e2e::eventually("only corrected pods", PATIENCE, || async {
        let available = test.clone_set("web").await["status"]["updatedAvailableReplicas"].clone();
        let facts = test.facts().await;
        let are_corrected = facts.values().all(|pod| pod.images["app"] == image(2));
        if are_corrected && available.as_i64() >= Some(2) {
            Ok(())
        } else {
            Err((available, facts))
        }
    })
    .await;
}

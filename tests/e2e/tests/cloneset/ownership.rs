//! Pods that others made.

use e2e::{
    Namespace,
    namespace::{image, in_place, name_of},
    pods::{REVISION, condition, small},
    undisturbed,
    witness::Diary,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

/// A pod that fits the CloneSet and names it as owner, but not as the one that manages it.
async fn orphan(test: &Namespace) -> String {
    let set = test.clone_set("web").await;
    let mut template = set["spec"]["template"].clone();
    let labels = &mut template["metadata"]["labels"];
    labels["apps.kruise.io/cloneset-instance-id"] = json!("hand1");
    labels[REVISION] = set["status"]["updateRevision"].clone();
    template["metadata"]["name"] = json!("web-hand1");
    template["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web",
        "uid": set["metadata"]["uid"],
    }]);
    let pod: Pod = serde_json::from_value(template).unwrap();
    let created = test.pod_api().create(&PostParams::default(), &pod).await;
    name_of(&created.unwrap())
}

fn manager(pod: &Pod) -> Option<String> {
    let owners = pod.metadata.owner_references.iter().flatten();
    let mut managers = owners.filter(|owner| owner.controller == Some(true));
    managers.next().map(|owner| owner.name.clone())
}

// IP-S32, IP-16, IP-42, CS-28: it has no readiness gate, so there is nothing to say about it.
#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_pod_without_the_gate_is_updated_without_conditions() {
    let _guard = undisturbed().await;
    let test = Namespace::create("adopted").await;
    test.create_clone_set("web", small(1, in_place(json!("100%"))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    // One more is wanted, and may not be made.
    let spec = json!({ "replicas": 2, "scaleStrategy": { "maxUnavailable": 0 } });
    test.patch("web", json!({ "spec": spec })).await;
    test.decided("web").await;
    let orphan = orphan(&test).await;
    let diary = Diary::start(test.pod_api(), |pod| {
        let ready = condition(pod, "InPlaceUpdateReady").map(|ready| ready.status.clone());
        format!("{ready:?}")
    })
    .await;
    test.rolled_out("web").await;
    let adopted = test.pod_api().get(&orphan).await.unwrap();
    assert_eq!(manager(&adopted), Some("web".to_owned()));

    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    let facts = &test.facts().await[&orphan];
    assert_eq!(facts.images["app"], image(2));
    assert_eq!(facts.restarts["app"], 1);
    diary.tells(&orphan, &["None"]).await;
}

// IP-S40, CS-28, CS-23
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_being_deleted_neither_adopts_nor_releases() {
    let _guard = undisturbed().await;
    let test = Namespace::create("deleting").await;
    test.create_clone_set("web", small(1, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let ours = test.n_pods(1).await.remove(0);
    let hold = json!({ "metadata": { "finalizers": ["e2e.kruise.io/hold"] } });
    test.patch("web", hold).await;
    test.clone_sets()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    test.observed("web").await;

    let orphan = orphan(&test).await;
    test.label_pod(&ours, "app", json!("other")).await;
    // Seen after the orphan, and counted no more.
    test.status_becomes("web", "replicas", 0).await;
    for seconds in 1..3 {
        test.patch("web", json!({ "spec": { "minReadySeconds": seconds } }))
            .await;
        test.observed("web").await;
    }
    let manager_of = |pod: String| {
        let pods = test.pod_api();
        async move { manager(&pods.get(&pod).await.unwrap()) }
    };
    assert_eq!(manager_of(orphan).await, None, "not adopted");
    let still: Value = json!(manager_of(ours).await);
    assert_eq!(still, "web", "not released");
}

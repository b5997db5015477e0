//! PodUnavailableBudgets: what only a real cluster shows of them. That is above all that an API server understands the match
//! conditions, and whom it asks. What is counted and spent is proved in process, by crates/pub-webhook/tests.

mod clone_set;
mod drains;
#[cfg(feature = "full")]
mod full;
mod kinds_of_others;
mod outage;
mod small;
mod whole;

use std::path::Path;

use e2e::{
    Namespace, Test, Workload,
    names::{DEPLOYMENTS, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK},
    pods::{is_ready, name_of},
    templates::{container, image, template},
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams, PostParams};
use serde_json::{Value, json};

const TEXT: &str = "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: pub unavailable allowed is negative";

/// A Deployment of so many pods that are ready and linked, and a budget of them.
async fn shop(namespace: &Namespace, replicas: i32, max_unavailable: Value) -> Workload {
    shop_of(namespace, replicas, max_unavailable, template()).await
}

/// The same of pods of another template, which has label `app: web`.
async fn shop_of(
    namespace: &Namespace,
    replicas: i32,
    max_unavailable: Value,
    template: Value,
) -> Workload {
    let deployments = namespace.workload(DEPLOYMENTS);
    let budgets = namespace.workload(POD_UNAVAILABLE_BUDGETS);
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let spec = json!({ "targetRef": target, "maxUnavailable": max_unavailable });
    budgets.create("shop", spec).await.unwrap();
    let spec = json!({
        "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": template,
    });
    deployments.create("web", spec).await.unwrap();
    all_serve(namespace, &budgets, replicas).await;
    budgets
}

async fn all_serve(namespace: &Namespace, budgets: &Workload, replicas: i32) {
    let n_pods = usize::try_from(replicas).unwrap();
    let are_ready = |pods: &[Pod]| {
        let ours: Vec<&Pod> = pods
            .iter()
            .filter(|pod| name_of(pod).starts_with("web-"))
            .collect();
        ours.len() == n_pods && ours.iter().all(|pod| is_ready(pod) && is_linked(pod))
    };
    let what = format!("{n_pods} pods are ready and linked");
    namespace.pods().when(&what, are_ready).await;
    budgets
        .status_becomes("shop", "currentAvailable", i64::from(replicas))
        .await;
    budgets
        .status_becomes("shop", "totalReplicas", i64::from(replicas))
        .await;
}

/// Whether it is in service, and not on its way out.
fn serves(pod: &Pod) -> bool {
    is_ready(pod) && pod.metadata.deletion_timestamp.is_none()
}

fn is_linked(pod: &Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.is_some_and(|all| {
        all.get("pub.kruise.io/related-pub")
            .is_some_and(|it| it == "shop")
    })
}

async fn evict(namespace: &Namespace, pod: &str) -> Result<(), String> {
    let evicted = namespace
        .pods()
        .api()
        .evict(pod, &EvictParams::default())
        .await;
    evicted.map(drop).map_err(|error| error.to_string())
}

async fn delete(namespace: &Namespace, pod: &str) -> Result<(), String> {
    let deleted = namespace
        .pods()
        .api()
        .delete(pod, &DeleteParams::default())
        .await;
    deleted.map(drop).map_err(|error| error.to_string())
}

async fn names(namespace: &Namespace) -> Vec<String> {
    namespace
        .pods()
        .active()
        .await
        .iter()
        .map(name_of)
        .collect()
}

/// PB-S2, PB-S4, PB-S5, PB-S27, PB-42: at once, and to two replicas.
#[tokio::test(flavor = "multi_thread")]
async fn evictions_and_deletions_are_paid_for_once_by_two_replicas() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let budgets = shop(&test, 6, json!(2)).await;
    let pods = names(&test).await;
    let asked = pods.iter().enumerate().map(async |(index, pod)| {
        if index % 2 == 0 {
            ("vpodeviction.kb.io", evict(&test, pod).await)
        } else {
            ("vpod.kb.io", delete(&test, pod).await)
        }
    });
    let answers = futures::future::join_all(asked).await;
    let n_allowed = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    assert_eq!(n_allowed, 2, "{answers:?}");
    for (webhook, refused) in answers.into_iter().filter(|(_, answer)| answer.is_err()) {
        let text = refused.unwrap_err();
        let expected = format!("admission webhook \"{webhook}\" denied the request: {TEXT}");
        assert!(text.contains(&expected), "{text}");
    }
    // Never stuck: the Deployment makes others.
    all_serve(&test, &budgets, 6).await;
    budgets
        .status_becomes("shop", "unavailableAllowed", 2)
        .await;
    let next = names(&test).await.remove(0);
    delete(&test, &next).await.unwrap();
}

/// A pod of nobody's.
async fn bare(namespace: &Namespace, name: &str, change: Value) {
    let mut pod = json!({
        "metadata": { "name": name, "labels": { "app": "bare" } },
        "spec": { "terminationGracePeriodSeconds": 1, "containers": [container("app", &image(1))] },
    });
    json_patch::merge(&mut pod, &change);
    let pod = serde_json::from_value(pod).unwrap();
    namespace
        .pods()
        .api()
        .create(&PostParams::default(), &pod)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_what_a_server_takes() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let budgets = test.workload(POD_UNAVAILABLE_BUDGETS);
    for sample in ["minimal.yaml", "every-field.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../deploy/samples/podunavailablebudget")
            .join(sample);
        let text = std::fs::read_to_string(path).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let mut budget: Value = serde::Deserialize::deserialize(document).unwrap();
            budget["metadata"]["namespace"] = json!(test.name);
            let created = budgets.create_whole(budget.clone()).await;
            created.unwrap_or_else(|error| panic!("{}: {error}", budget["metadata"]["name"]));
        }
    }
}

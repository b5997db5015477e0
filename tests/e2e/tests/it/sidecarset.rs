//! SidecarSets: what only a real cluster shows of them. What injection, planner and executor decide is proved in process,
//! by crates/sidecarset-controller/tests.

use e2e::{
    Test,
    names::SIDECARSET_CONTROLLER,
    sidecar_sets::SidecarSet,
    templates::{container, image},
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::{Value, json};

#[cfg(feature = "full")]
mod full;
mod hot_upgrade;
mod in_place;
mod injection;
mod move_over;
mod outage;

/// A SidecarSet with one container.
async fn agent(test: &Test, change: Value) -> SidecarSet {
    let mut spec = json!({ "containers": [sidecar("agent")] });
    json_patch::merge(&mut spec, &change);
    SidecarSet::create(test, "set", spec).await
}

/// A container that ends fast.
fn sidecar(name: &str) -> Value {
    container(name, &image(1))
}

/// A pod with label `app=web` and container `app`, changed by a merge.
fn pod(name: &str, change: Value) -> Pod {
    let mut pod = json!({
        "metadata": { "name": name, "labels": { "app": "web" } },
        "spec": { "terminationGracePeriodSeconds": 1, "containers": [container("app", &image(1))] },
    });
    json_patch::merge(&mut pod, &change);
    serde_json::from_value(pod).unwrap()
}

async fn create(test: &Test, pod: &Pod) -> kube::Result<Pod> {
    test.pods().api().create(&PostParams::default(), pod).await
}

/// Creates pods `web-0`, `web-1`, …, and waits until they are ready.
async fn create_ready(test: &Test, n_pods: usize) {
    for number in 0..n_pods {
        create(test, &pod(&format!("web-{number}"), json!({})))
            .await
            .unwrap();
    }
    let what = format!("{n_pods} pods are ready");
    let is_so = |pods: &[Pod]| pods.len() == n_pods && pods.iter().all(e2e::pods::is_ready);
    test.pods().when(&what, is_so).await;
}

fn of_sidecarset() -> e2e::Plan {
    Test::of(SIDECARSET_CONTROLLER)
}

//! An update in place of pods whose containers are not ready.

use e2e::{
    Test,
    cloneset::{in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS, STATE},
    pods::{condition, label, name_of},
    templates::image,
    witness::Diary,
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

fn image_of(pod: &Pod) -> String {
    let containers = &pod.spec.as_ref().unwrap().containers;
    containers[0].image.clone().unwrap_or_default()
}

// IP-S34, IP-61
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_containers_are_not_ready_says_so_during_the_update() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = small(1, in_place(json!(1)));
    // Nobody listens there.
    spec["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({ "tcpSocket": { "port": 9 }, "periodSeconds": 1 });
    sets.create("web", spec).await.unwrap();
    let fact = |pod: &Pod| {
        let ready = condition(pod, "Ready").and_then(|ready| ready.reason.clone());
        let updated = condition(pod, "InPlaceUpdateReady").map(|ready| ready.status.clone());
        format!("{ready:?} {updated:?}")
    };
    let says = |status: &str| format!("{:?} {:?}", Some("ContainersNotReady"), Some(status));
    let pods = test
        .pods()
        .when("the pod runs", |pods| {
            pods.iter().any(|pod| fact(pod) == says("True"))
        })
        .await;
    let pod = name_of(&pods[0]);
    let diary = Diary::start(test.pods().api(), fact).await;
    sets.set_app_image("web", &image(2)).await;
    test.pods()
        .when("the pod is updated", |pods| {
            pods.iter().any(|pod| {
                image_of(pod) == image(2)
                    && label(pod, STATE) == "Normal"
                    && fact(pod) == says("True")
            })
        })
        .await;
    diary
        .tells(&pod, &[says("True"), says("False"), says("True")])
        .await;
}

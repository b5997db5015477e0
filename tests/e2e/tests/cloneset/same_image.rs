//! Another tag of the same image, on real kubelets without a node daemon (DV-IP13).

use e2e::{
    Cluster, Namespace, controller, disturbing,
    local::StoodDown,
    namespace::{image, in_place, label, name_of},
    pods::{REVISION, STATE, condition, is_ready, small},
    undisturbed,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const UPDATE_STATE: &str = "apps.kruise.io/inplace-update-state";

/// The first image under a second tag.
fn again() -> String {
    format!("{}-again", image(1))
}

fn update_state(pod: &Pod) -> Value {
    let annotations = pod.metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(UPDATE_STATE));
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// The pods were updated in place, once each, and serve.
async fn updated_in_place(test: &Namespace, before: &[String]) {
    let pods = test
        .pods_when("all serve", |pods| pods.iter().all(is_ready))
        .await;
    assert_eq!(uids(&pods), before);
    for pod in &pods {
        let status = pod.status.as_ref().unwrap();
        let container = &status.container_statuses.as_ref().unwrap()[0];
        assert_eq!(container.restart_count, 1, "{}", name_of(pod));
        let spec = &pod.spec.as_ref().unwrap().containers[0];
        assert_eq!(spec.image, Some(again()));
        assert_eq!(condition(pod, "InPlaceUpdateReady").unwrap().status, "True");
        assert_eq!(label(pod, STATE), "Normal");
        let last = &update_state(pod)["lastContainerStatuses"]["app"];
        assert_eq!(
            last["imageID"],
            json!(container.image_id),
            "the same image, or this test shows nothing"
        );
    }
}

fn uids(pods: &[Pod]) -> Vec<String> {
    let mut uids: Vec<String> = pods
        .iter()
        .filter_map(|pod| pod.metadata.uid.clone())
        .collect();
    uids.sort();
    uids
}

// IP-51
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out() {
    let _guard = undisturbed().await;
    let test = Namespace::create("sameimage").await;
    test.create_clone_set("web", small(2, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.active_pods().await);
    test.set_app_image("web", &again()).await;
    test.rolled_out("web").await;
    updated_in_place(&test, &before).await;
}

// IP-51, CS-1: through the older version.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_through_v1alpha1() {
    let _guard = undisturbed().await;
    let test = Namespace::create("sameimageolder").await;
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("apps.kruise.io", "v1alpha1", "CloneSet"),
        "clonesets",
    );
    let older: Api<DynamicObject> =
        Api::namespaced_with(test.client.clone(), &test.name, &resource);
    let mut spec = small(1, json!(null));
    spec["updateStrategy"] = json!({ "type": "InPlaceOnly" });
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": { "name": "web" }, "spec": spec,
    }))
    .unwrap();
    older.create(&PostParams::default(), &object).await.unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.active_pods().await);
    let mut containers =
        test.clone_set("web").await["spec"]["template"]["spec"]["containers"].clone();
    containers[0]["image"] = json!(again());
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    older
        .patch("web", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    test.rolled_out("web").await;
    updated_in_place(&test, &before).await;
}

// IP-51: what decides is kept in the pods.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_by_the_next_leader() {
    let _guard = disturbing().await;
    let name = "another_tag_of_the_same_image_is_rolled_out_by_the_next_leader";
    if !Cluster::get().await.is_local(name) {
        return;
    }
    let test = Namespace::create("sameimageleader").await;
    test.create_clone_set("web", small(1, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let pods = test.active_pods().await;
    test.set_app_image("web", &again()).await;
    test.pod_in_state(&name_of(&pods[0]), "Updating").await;
    controller::kill_leader(&test.client).await.unwrap();
    test.rolled_out("web").await;
    updated_in_place(&test, &uids(&pods)).await;
}

// DV-IP13: a pod in the middle of an update that OpenKruise began.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_after_openkruise_began() {
    let _guard = disturbing().await;
    let name = "another_tag_of_the_same_image_is_rolled_out_after_openkruise_began";
    let test = Namespace::create("sameimageopenkruise").await;
    if !test.cluster.is_local(name) {
        return;
    }
    test.create_clone_set("web", small(1, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.active_pods().await);
    test.set_app_image("web", &again()).await;
    test.rolled_out("web").await;
    updated_in_place(&test, &before).await;

    // As it was before the last write, with the state as OpenKruise has it.
    let stood_down = StoodDown::new(test.client.clone()).await;
    let pod = test.active_pods().await.remove(0);
    let (name, revision) = (name_of(&pod), label(&pod, REVISION).to_owned());
    let mut state = update_state(&pod);
    let last = state["lastContainerStatuses"]["app"]
        .as_object_mut()
        .unwrap();
    last.retain(|field, _| field == "imageID");
    let patch = json!({
        "metadata": {
            "labels": { STATE: "Updating" },
            "annotations": { UPDATE_STATE: state.to_string() },
        },
        "status": { "conditions": [
            { "type": "InPlaceUpdateReady", "status": "False", "reason": "StartInPlaceUpdate" },
        ] },
    });
    test.pod_api()
        .patch_status(&name, &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    test.pods_when("it is out of service", |pods| !is_ready(&pods[0]))
        .await;
    drop(stood_down);
    test.rolled_out("web").await;
    let pod = test.pod_in_state(&name, "Normal").await;
    assert_eq!(label(&pod, REVISION), revision);
    let last = &update_state(&pod)["lastContainerStatuses"]["app"];
    assert_eq!(last.get("containerID"), None, "the state is left as it was");
    updated_in_place(&test, &before).await;
}

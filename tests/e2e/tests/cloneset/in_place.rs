//! Updates in place, step by step; and what can't be done so.

use e2e::{
    Namespace, daemon, eventually,
    namespace::{PATIENCE, PodFacts, image, in_place, label, uids},
    pods::{REVISION, STATE, condition, is_ready, labelled, small},
    undisturbed,
    witness::Diary,
};
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

/// A JSON annotation of a pod; null when it has none.
fn annotation(pod: &Pod, key: &str) -> Value {
    let annotations = pod.metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(key));
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

fn update_state(pod: &Pod) -> Value {
    annotation(pod, "apps.kruise.io/inplace-update-state")
}

fn image_of(pod: &Pod) -> String {
    let containers = &pod.spec.as_ref().unwrap().containers;
    containers[0].image.clone().unwrap_or_default()
}

/// One small pod, updated in place, which is available.
async fn one_pod(test: &Namespace, spec: Value) -> String {
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    test.n_pods(1).await.remove(0)
}

// IP-S3, IP-38, IP-53: nothing is done to a pod whose container does not run yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_image_is_missing_stays_as_it_is() {
    let _guard = undisturbed().await;
    let test = Namespace::create("notcomplete").await;
    let pod = one_pod(&test, small(1, in_place(json!(1)))).await;
    test.set_app_image("web", &image(404)).await;
    let updating = test.pod_in_state(&pod, "Updating").await;
    let diary = Diary::start(test.pod_api(), |pod| {
        let ready = condition(pod, "InPlaceUpdateReady").unwrap();
        let reason = ready.reason.clone().unwrap_or_default();
        let state = label(pod, STATE);
        format!("{state} {} {reason} {}", ready.status, update_state(pod))
    })
    .await;
    test.decided("web").await;
    let expected = format!(
        "Updating False StartInPlaceUpdate {}",
        update_state(&updating)
    );
    diary.tells(&pod, &[expected]).await;
    // A kubelet that has not seen the gate closed may have said otherwise for a moment.
    test.pods_when("the pod is not ready", |pods| !is_ready(&pods[0]))
        .await;
}

// IP-S4, IP-19, IP-37
#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_lies_between_unready_and_the_change() {
    let _guard = undisturbed().await;
    let test = Namespace::create("grace").await;
    let mut terms = in_place(json!(1));
    terms["inPlaceUpdateStrategy"] = json!({ "gracePeriodSeconds": 3 });
    let pod = one_pod(&test, small(1, terms)).await;
    let diary = Diary::start(test.pod_api(), |pod| {
        json!({
            "image": image_of(pod),
            "revision": label(pod, REVISION),
            "grace": annotation(pod, "apps.kruise.io/inplace-update-grace"),
            "update": update_state(pod),
        })
        .to_string()
    })
    .await;
    test.set_app_image("web", &image(2)).await;
    let set = test.rolled_out("web").await;

    let notes = diary.of(&pod);
    let notes: Vec<Value> = notes
        .iter()
        .map(|note| serde_json::from_str(note).unwrap())
        .collect();
    let [before, grace, after] = &notes[..] else {
        panic!("{notes:#?}")
    };
    let revision = &set["status"]["updateRevision"];
    assert_eq!(before["image"], json!(image(1)));
    assert_eq!(grace["image"], json!(image(1)), "not changed yet");
    assert_eq!(&grace["revision"], revision);
    assert_eq!(
        grace["grace"],
        json!({
            "revision": revision, "graceSeconds": 3, "containerImages": { "app": image(2) },
        })
    );
    assert_eq!(grace["update"]["lastContainerStatuses"], Value::Null);
    assert_eq!(grace["update"].get("containerBatchesRecord"), None);
    assert_eq!(after["image"], json!(image(2)));
    assert_eq!(after["grace"], Value::Null);
    let time = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
    let started = time(&grace["update"]["updateTimestamp"]);
    let changed = time(&after["update"]["containerBatchesRecord"][0]["timestamp"]);
    let grace = changed.duration_since(started).as_secs();
    assert!(grace >= 3, "{grace} s");
}

// IP-S6, IP-47: the report of a node daemon decides.
#[tokio::test(flavor = "multi_thread")]
async fn an_environment_from_metadata_is_complete_when_the_daemon_says_so() {
    let _guard = undisturbed().await;
    let test = Namespace::create("environment").await;
    let mut spec = small(1, in_place(json!(1)));
    daemon::read_config(&mut spec);
    let pod = one_pod(&test, spec).await;
    test.report_environment(&pod, daemon::V1).await;
    test.decided("web").await;
    test.set_config("web", "v2").await;
    let updating = test.pod_in_state(&pod, "Updating").await;
    assert_eq!(update_state(&updating)["updateEnvFromMetadata"], true);
    let annotations = updating.metadata.annotations.unwrap();
    assert_eq!(annotations[daemon::CONFIG], "v2");
    test.decided("web").await;
    test.pod_in_state(&pod, "Updating").await;
    test.report_environment(&pod, daemon::V2).await;
    test.pod_in_state(&pod, "Normal").await;
    test.rolled_out("web").await;
}

/// What becomes of a set's pods when the first container, or an init container, changes by `change`.
async fn pods_around(
    test: &Namespace,
    spec: Value,
    change: impl FnOnce(&mut Value),
) -> [std::collections::BTreeMap<String, PodFacts>; 2] {
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let mut set = test.clone_set("web").await;
    let pod_spec = set.pointer_mut("/spec/template/spec").unwrap();
    change(pod_spec);
    let patch = json!({ "spec": { "template": { "spec": pod_spec } } });
    test.patch("web", patch).await;
    test.rolled_out("web").await;
    [before, test.facts().await]
}

// IP-S22
#[tokio::test(flavor = "multi_thread")]
async fn another_image_of_an_init_container_needs_new_pods() {
    let _guard = undisturbed().await;
    let test = Namespace::create("initimage").await;
    let mut spec = small(1, in_place(json!(1)));
    let init = json!({ "name": "init", "image": image(1), "command": ["/bin/sh", "-c", "true"] });
    spec["template"]["spec"]["initContainers"] = json!([init]);
    let [before, after] = pods_around(&test, spec, |pod| {
        pod["initContainers"][0]["image"] = json!(image(2));
    })
    .await;
    assert!(uids(&before).is_disjoint(&uids(&after)));
}

// IP-S25, IP-6
#[tokio::test(flavor = "multi_thread")]
async fn other_resources_need_new_pods_without_the_gate() {
    let _guard = undisturbed().await;
    let test = Namespace::create("resources").await;
    let [before, after] = pods_around(&test, small(1, in_place(json!(1))), |pod| {
        pod["containers"][0]["resources"]["requests"]["cpu"] = json!("2m");
    })
    .await;
    assert!(uids(&before).is_disjoint(&uids(&after)));
}

// IP-S34, IP-61
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_whose_containers_are_not_ready_says_so_during_the_update() {
    let _guard = undisturbed().await;
    let test = Namespace::create("neverready").await;
    let mut spec = small(1, in_place(json!(1)));
    // Nobody listens there.
    spec["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({ "tcpSocket": { "port": 9 }, "periodSeconds": 1 });
    test.create_clone_set("web", spec).await.unwrap();
    let fact = |pod: &Pod| {
        let ready = condition(pod, "Ready").and_then(|ready| ready.reason.clone());
        let updated = condition(pod, "InPlaceUpdateReady").map(|ready| ready.status.clone());
        format!("{ready:?} {updated:?}")
    };
    let says = |status: &str| format!("{:?} {:?}", Some("ContainersNotReady"), Some(status));
    let pods = test
        .pods_when("the pod runs", |pods| {
            pods.iter().any(|pod| fact(pod) == says("True"))
        })
        .await;
    let pod = e2e::namespace::name_of(&pods[0]);
    let diary = Diary::start(test.pod_api(), fact).await;
    test.set_app_image("web", &image(2)).await;
    test.pods_when("the pod is updated", |pods| {
        pods.iter().any(|pod| {
            image_of(pod) == image(2) && label(pod, STATE) == "Normal" && fact(pod) == says("True")
        })
    })
    .await;
    diary
        .tells(&pod, &[says("True"), says("False"), says("True")])
        .await;
}

// CS-S30, CS-16, CS-90, DV-CS7
#[tokio::test(flavor = "multi_thread")]
async fn in_place_only_updates_those_that_can_be() {
    let _guard = undisturbed().await;
    let test = Namespace::create("mixed").await;
    let strategy = json!({ "podUpdatePolicy": "InPlaceOnly", "maxUnavailable": "100%" });
    test.create_clone_set("web", small(2, strategy))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let first = test.n_pods(2).await;
    let plain = test.clone_set("web").await["spec"]["template"]["spec"]["containers"].clone();
    let mut with_env = plain.clone();
    with_env[0]["env"] = json!([{ "name": "MODE", "value": "new" }]);
    let template = |containers: &Value| json!({ "spec": { "containers": containers } });

    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("apps.kruise.io", "v1alpha1", "CloneSet"),
        "clonesets",
    );
    let v1alpha1: Api<DynamicObject> =
        Api::namespaced_with(test.client.clone(), &test.name, &resource);
    let patch = Patch::Merge(json!({ "spec": { "template": template(&with_env) } }));
    let refused = v1alpha1.patch("web", &PatchParams::default(), &patch).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("spec: Forbidden"), "{refused}");

    // Three pods of a template that can't be left in place.
    let terms = json!({ "rollingUpdate": { "partition": 2 } });
    let spec = json!({ "replicas": 5, "template": template(&with_env), "updateStrategy": terms });
    test.patch("web", json!({ "spec": spec })).await;
    test.status_becomes("web", "availableReplicas", 5).await;
    test.status_becomes("web", "updatedReplicas", 3).await;
    let before = test.facts().await;

    let mut newer = plain.clone();
    newer[0]["image"] = json!(image(2));
    let terms = json!({ "rollingUpdate": { "partition": 0 } });
    let spec = json!({ "template": template(&newer), "updateStrategy": terms });
    test.patch("web", json!({ "spec": spec })).await;
    let message = test.waits_for("web", "NotInPlace").await;
    assert!(message.contains("env"), "{message}");
    test.status_becomes("web", "updatedAvailableReplicas", 2)
        .await;
    let set = test.clone_set("web").await;
    let updated = set["status"]["updateRevision"].as_str().unwrap();
    let updated = labelled(&test.active_pods().await, REVISION, updated);
    assert_eq!(updated, first.into_iter().collect());
    assert_eq!(
        uids(&test.facts().await),
        uids(&before),
        "nothing is made anew"
    );
    eventually("the failure is told", PATIENCE, || async {
        let conditions = test.status("web", "conditions").await;
        let failed = conditions.as_array().into_iter().flatten();
        let failed = failed.filter(|condition| condition["type"] == "FailedUpdate");
        if failed.count() == 1 {
            Ok(())
        } else {
            Err(conditions)
        }
    })
    .await;
}

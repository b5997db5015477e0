//! Lifecycle hooks: what holds a pod, what frees it, and the states it goes through.

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, image, in_place, label, name_of},
    pods::{REVISION, STATE, condition, is_ready, small},
    undisturbed,
    witness::Diary,
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

const DRAIN: &str = "e2e.kruise.io/drain";

fn state(pod: &Pod) -> String {
    label(pod, STATE).to_owned()
}

/// A set whose pods carry the finalizer from the beginning.
async fn with_finalizer(test: &Namespace, replicas: i32, lifecycle: Value) -> Vec<String> {
    let mut spec = small(replicas, in_place(json!(1)));
    spec["template"]["metadata"]["finalizers"] = json!([DRAIN]);
    spec["lifecycle"] = lifecycle;
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    test.active_pods().await.iter().map(name_of).collect()
}

async fn scale(test: &Namespace, replicas: i32) {
    test.patch("web", json!({ "spec": { "replicas": replicas } }))
        .await;
}

/// The only pod that prepares for its deletion.
async fn preparing_delete(test: &Namespace) -> Pod {
    let preparing = |pods: &[Pod]| -> Vec<Pod> {
        let preparing = pods.iter().filter(|pod| state(pod) == "PreparingDelete");
        preparing.cloned().collect()
    };
    let pods = test
        .pods_when("a pod prepares", |pods| preparing(pods).len() == 1)
        .await;
    preparing(&pods).remove(0)
}

// CS-S18, CS-56, CS-62
#[tokio::test(flavor = "multi_thread")]
async fn a_pre_delete_hook_holds_a_pod_that_may_come_back() {
    let _guard = undisturbed().await;
    let test = Namespace::create("predelete").await;
    let hook = json!({ "preDelete": { "finalizersHandler": [DRAIN] } });
    let pods = with_finalizer(&test, 2, hook).await;
    let diary = Diary::start(test.pod_api(), state).await;

    scale(&test, 1).await;
    let held = name_of(&preparing_delete(&test).await);
    test.status_becomes("web", "availableReplicas", 1).await;
    test.decided("web").await;
    assert_eq!(test.status("web", "replicas").await, 2, "it is counted");
    assert_eq!(test.n_pods(2).await, pods);

    scale(&test, 2).await;
    test.status_becomes("web", "availableReplicas", 2).await;
    diary
        .tells(
            &held,
            &["Normal", "PreparingDelete", "PreparingNormal", "Normal"],
        )
        .await;

    scale(&test, 1).await;
    let held = name_of(&preparing_delete(&test).await);
    test.set_finalizers(&held, &[]).await;
    test.status_becomes("web", "replicas", 1).await;
    let left: Vec<String> = pods.into_iter().filter(|pod| *pod != held).collect();
    assert_eq!(test.n_pods(1).await, left);
}

fn message(key: &str) -> String {
    format!(r#"[{{"userAgent":"Lifecycle","key":"{key}"}}]"#)
}

/// Waits until `KruisePodReady` of a pod has a status and a message.
async fn kruise_ready(test: &Namespace, pod: &str, status: &str, message: &str) {
    test.pods_when(&format!("KruisePodReady {status} {message}"), |pods| {
        let pod = pods.iter().find(|found| name_of(found) == pod);
        let condition = pod.and_then(|pod| condition(pod, "KruisePodReady"));
        condition.is_some_and(|condition| {
            condition.status == status && condition.message.as_deref() == Some(message)
        })
    })
    .await;
}

// CS-S19, IP-S13, CS-56, CS-98
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_marks_takes_the_pod_out_of_service_for_good() {
    let _guard = undisturbed().await;
    let test = Namespace::create("marked").await;
    let hook = json!({ "labelsHandler": { "hold": "true" }, "markPodNotReady": true });
    let mut spec = small(2, in_place(json!(1)));
    spec["template"]["metadata"]["labels"]["hold"] = json!("true");
    spec["lifecycle"] = json!({ "preDelete": hook });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let before = test.n_pods(2).await;
    // As of its last state, so that a new one is seen.
    let stale = json!({ "lifecycle.apps.kruise.io/timestamp": null });
    for pod in &before {
        test.patch_pod(pod, json!({ "metadata": { "annotations": stale } }))
            .await;
    }

    scale(&test, 1).await;
    let held = preparing_delete(&test).await;
    let annotations = held.metadata.annotations.clone().unwrap_or_default();
    assert!(annotations.contains_key("lifecycle.apps.kruise.io/timestamp"));
    let held = name_of(&held);
    kruise_ready(&test, &held, "False", &message("preDeleteHook")).await;
    test.pods_when("the pod is not ready", |pods| {
        let held = pods.iter().find(|pod| name_of(pod) == held);
        held.is_some_and(|pod| !is_ready(pod))
    })
    .await;

    scale(&test, 2).await;
    test.decided("web").await;
    test.pod_in_state(&held, "PreparingDelete").await;
    assert_eq!(
        test.n_pods(2).await,
        before,
        "it does not come back, nor is it replaced yet"
    );
    test.label_pod(&held, "hold", Value::Null).await;
    test.rolled_out("web").await;
    let after = test.n_pods(2).await;
    assert!(!after.contains(&held), "a new pod takes its place");
}

// CS-S20, CS-88, CS-97
#[tokio::test(flavor = "multi_thread")]
async fn an_update_waits_for_its_hook_before_and_after() {
    let _guard = undisturbed().await;
    let test = Namespace::create("inplacehook").await;
    let hook = json!({ "inPlaceUpdate": { "finalizersHandler": [DRAIN] } });
    let pod = with_finalizer(&test, 1, hook).await.remove(0);
    let diary = Diary::start(test.pod_api(), state).await;

    let first = test.status("web", "updateRevision").await;
    test.relabel_template("web", "b").await;
    let held = test.pod_in_state(&pod, "PreparingUpdate").await;
    assert_eq!(json!(label(&held, REVISION)), first, "not patched");
    test.decided("web").await;
    test.pod_in_state(&pod, "PreparingUpdate").await;

    test.set_finalizers(&pod, &[]).await;
    test.pod_in_state(&pod, "Updated").await;
    test.decided("web").await;
    let updated = test.pod_in_state(&pod, "Updated").await;
    assert_eq!(label(&updated, "tier"), "b");
    let set = test.clone_set("web").await;
    assert_eq!(set["status"]["updatedReplicas"], 1);
    assert_eq!(set["status"]["availableReplicas"], 0, "CS-99");

    // Another template meanwhile: the hook is put back, and the user is asked again.
    test.relabel_template("web", "c").await;
    let again = test.pod_in_state(&pod, "PreparingUpdate").await;
    assert_eq!(again.metadata.finalizers, Some(vec![DRAIN.to_owned()]));
    assert_eq!(label(&again, "tier"), "b");
    test.set_finalizers(&pod, &[]).await;
    test.pod_in_state(&pod, "Updated").await;
    test.set_finalizers(&pod, &[DRAIN]).await;
    let normal = test.pod_in_state(&pod, "Normal").await;
    assert_eq!(label(&normal, "tier"), "c");
    let round = ["PreparingUpdate", "Updating", "Updated"];
    let story = [&["Normal"], &round[..], &round[..], &["Normal"]].concat();
    diary.tells(&pod, &story).await;
    test.rolled_out("web").await;
}

// CS-S21, CS-99
#[tokio::test(flavor = "multi_thread")]
async fn a_pre_normal_hook_keeps_a_ready_pod_from_being_available() {
    let _guard = undisturbed().await;
    let test = Namespace::create("prenormal").await;
    let mut spec = small(1, json!({}));
    spec["lifecycle"] = json!({ "preNormal": { "labelsHandler": { "ok": "yes" } } });
    test.create_clone_set("web", spec).await.unwrap();
    test.status_becomes("web", "readyReplicas", 1).await;
    let pod = test.n_pods(1).await.remove(0);
    test.decided("web").await;
    test.pod_in_state(&pod, "PreparingNormal").await;
    assert_eq!(
        test.clone_set("web").await["status"]["availableReplicas"],
        0
    );
    test.label_pod(&pod, "ok", json!("yes")).await;
    test.pod_in_state(&pod, "Normal").await;
    test.status_becomes("web", "availableReplicas", 1).await;
}

// IP-S35, IP-63: a label that is missing counts as one without text.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_with_an_empty_label_holds_pods_without_it() {
    let _guard = undisturbed().await;
    let test = Namespace::create("emptylabel").await;
    let mut spec = small(1, json!({}));
    spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "" } } });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    scale(&test, 0).await;
    let held = name_of(&preparing_delete(&test).await);
    test.label_pod(&held, "hold", json!("no")).await;
    test.n_pods(0).await;
}

// IP-S36, CS-97: where there is a lifecycle, but no hook for the update.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_a_hook_passes_through_updated() {
    let _guard = undisturbed().await;
    let test = Namespace::create("throughupdated").await;
    let mut spec = small(1, in_place(json!(1)));
    spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "yes" } } });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let pod = test.n_pods(1).await.remove(0);
    let diary = Diary::start(test.pod_api(), state).await;
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    diary
        .tells(&pod, &["Normal", "Updating", "Updated", "Normal"])
        .await;
}

// IP-S43, IP-69, DV-IP6: the key goes with the state, also when Updated is left out.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_hook_is_complete_already_frees_the_pod() {
    let _guard = undisturbed().await;
    let test = Namespace::create("hookcomplete").await;
    let hook = json!({ "labelsHandler": { "serve": "yes" }, "markPodNotReady": true });
    let mut spec = small(1, in_place(json!(1)));
    spec["template"]["metadata"]["labels"]["serve"] = json!("yes");
    spec["lifecycle"] = json!({ "inPlaceUpdate": hook });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let pod = test.n_pods(1).await.remove(0);
    let diary = Diary::start(test.pod_api(), state).await;

    // An image that can't be pulled keeps it Updating.
    test.set_app_image("web", &image(404)).await;
    test.pod_in_state(&pod, "PreparingUpdate").await;
    kruise_ready(&test, &pod, "False", &message("preUpdateHook")).await;
    test.label_pod(&pod, "serve", json!("no")).await;
    test.pod_in_state(&pod, "Updating").await;
    kruise_ready(&test, &pod, "False", &message("preUpdateHook")).await;
    test.label_pod(&pod, "serve", json!("yes")).await;

    test.set_app_image("web", &image(2)).await;
    test.pod_in_state(&pod, "Normal").await;
    kruise_ready(&test, &pod, "True", "[]").await;
    test.rolled_out("web").await;
    diary
        .tells(&pod, &["Normal", "PreparingUpdate", "Updating", "Normal"])
        .await;
    eventually("the pod is ready", PATIENCE, || async {
        let found = test.pod_api().get(&pod).await.unwrap();
        is_ready(&found).then_some(()).ok_or(())
    })
    .await;
}

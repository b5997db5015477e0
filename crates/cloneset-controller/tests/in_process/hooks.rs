//! Lifecycle hooks: what holds a pod, what frees it, and the states it goes through.

use kruise_api::resource::PODS;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, play},
    look::{REVISION, condition, is_ready, label, name, state},
    specs::{bad_image, image, in_place, spec},
};

const DRAIN: &str = "test.kruise.io/drain";

/// A set whose pods carry the finalizer from the beginning.
async fn with_finalizer(cluster: &mut Cluster<'_>, replicas: i32, lifecycle: Value) -> Vec<String> {
    let mut spec = spec(replicas, in_place(json!(1)));
    spec["template"]["metadata"]["finalizers"] = json!([DRAIN]);
    spec["lifecycle"] = lifecycle;
    cluster.create(spec).await;
    cluster.rolled_out().await;
    cluster.names()
}

/// The only pod that prepares for its deletion.
async fn preparing_delete(cluster: &mut Cluster<'_>) -> String {
    let preparing = |cluster: &Cluster<'_>| -> Vec<String> {
        let pods = cluster.pods();
        let preparing = pods.iter().filter(|pod| state(pod) == "PreparingDelete");
        preparing.map(name).collect()
    };
    cluster
        .until("a pod prepares", |cluster| preparing(cluster).len() == 1)
        .await;
    preparing(cluster).remove(0)
}

fn message(key: &str) -> String {
    format!(r#"[{{"userAgent":"Lifecycle","key":"{key}"}}]"#)
}

/// Waits until `KruisePodReady` of a pod has a status and a message.
async fn kruise_ready(cluster: &mut Cluster<'_>, pod: &str, status: &str, message: &str) {
    cluster
        .until(&format!("KruisePodReady {status} {message}"), |cluster| {
            let pod = cluster.pod(pod);
            let condition = condition(&pod, "KruisePodReady");
            condition["status"] == status && condition["message"] == message
        })
        .await;
}

// CS-S18, CS-56, CS-62
#[test]
fn a_pre_delete_hook_holds_a_pod_that_may_come_back() {
    play(async |cluster| {
        let hook = json!({ "preDelete": { "finalizersHandler": [DRAIN] } });
        let pods = with_finalizer(cluster, 2, hook).await;
        let since = cluster.now();
        cluster.scale(1).await;
        let held = preparing_delete(cluster).await;
        cluster.counts("availableReplicas", 1).await;
        cluster.settle().await;
        assert_eq!(cluster.counter("replicas"), 2, "it is counted");
        assert_eq!(cluster.names(), pods);

        cluster.scale(2).await;
        cluster.counts("availableReplicas", 2).await;
        let story = cluster.story_of(PODS, &held, since, state);
        assert_eq!(
            story,
            ["Normal", "PreparingDelete", "PreparingNormal", "Normal"]
        );

        cluster.scale(1).await;
        let held = preparing_delete(cluster).await;
        cluster.set_finalizers(&held, &[]).await;
        cluster.counts("replicas", 1).await;
        let left: Vec<String> = pods.into_iter().filter(|pod| *pod != held).collect();
        assert_eq!(cluster.n_pods(1).await, left);
    });
}

// CS-S19, IP-S13, CS-56, CS-98
#[test]
fn a_hook_that_marks_takes_the_pod_out_of_service_for_good() {
    play(async |cluster| {
        let hook = json!({ "labelsHandler": { "hold": "true" }, "markPodNotReady": true });
        let mut spec = spec(2, in_place(json!(1)));
        spec["template"]["metadata"]["labels"]["hold"] = json!("true");
        spec["lifecycle"] = json!({ "preDelete": hook });
        cluster.create(spec).await;
        cluster.rolled_out().await;
        let before = cluster.names();

        cluster.scale(1).await;
        let held = preparing_delete(cluster).await;
        kruise_ready(cluster, &held, "False", &message("preDeleteHook")).await;
        cluster
            .until("the pod is not ready", |cluster| {
                !is_ready(&cluster.pod(&held))
            })
            .await;

        cluster.scale(2).await;
        cluster.settle().await;
        assert_eq!(state(&cluster.pod(&held)), "PreparingDelete");
        let now = cluster.names();
        assert_eq!(now, before, "it does not come back, nor is it replaced yet");
        cluster.label_pod(&held, "hold", Value::Null).await;
        cluster.rolled_out().await;
        let after = cluster.n_pods(2).await;
        assert!(!after.contains(&held), "a new pod takes its place");
    });
}

// CS-S20, CS-88, CS-97
#[test]
fn an_update_waits_for_its_hook_before_and_after() {
    play(async |cluster| {
        let hook = json!({ "inPlaceUpdate": { "finalizersHandler": [DRAIN] } });
        let pod = with_finalizer(cluster, 1, hook).await.remove(0);
        let since = cluster.now();
        let first = cluster.status("updateRevision");
        cluster.relabel_template("b").await;
        cluster.in_state(&pod, "PreparingUpdate").await;
        cluster.settle().await;
        let held = cluster.pod(&pod);
        assert_eq!(state(&held), "PreparingUpdate");
        assert_eq!(json!(label(&held, REVISION)), first, "not patched");

        cluster.set_finalizers(&pod, &[]).await;
        cluster.in_state(&pod, "Updated").await;
        cluster.settle().await;
        let updated = cluster.pod(&pod);
        assert_eq!(state(&updated), "Updated");
        assert_eq!(label(&updated, "tier"), "b");
        assert_eq!(cluster.counter("updatedReplicas"), 1);
        assert_eq!(cluster.counter("availableReplicas"), 0, "CS-99");

        // Another template meanwhile: the hook is put back, and the user is asked again.
        cluster.relabel_template("c").await;
        let again = cluster.in_state(&pod, "PreparingUpdate").await;
        assert_eq!(again["metadata"]["finalizers"], json!([DRAIN]));
        assert_eq!(label(&again, "tier"), "b");
        cluster.set_finalizers(&pod, &[]).await;
        cluster.in_state(&pod, "Updated").await;
        cluster.set_finalizers(&pod, &[DRAIN]).await;
        let normal = cluster.in_state(&pod, "Normal").await;
        assert_eq!(label(&normal, "tier"), "c");
        let round = ["PreparingUpdate", "Updating", "Updated"];
        let story = [&["Normal"], &round[..], &round[..], &["Normal"]].concat();
        assert_eq!(cluster.story_of(PODS, &pod, since, state), story);
        cluster.rolled_out().await;
    });
}

// CS-S21, CS-99
#[test]
fn a_pre_normal_hook_keeps_a_ready_pod_from_being_available() {
    play(async |cluster| {
        let mut spec = spec(1, json!({}));
        spec["lifecycle"] = json!({ "preNormal": { "labelsHandler": { "ok": "yes" } } });
        cluster.create(spec).await;
        cluster.counts("readyReplicas", 1).await;
        let pod = cluster.names().remove(0);
        cluster.settle().await;
        assert_eq!(state(&cluster.pod(&pod)), "PreparingNormal");
        assert_eq!(cluster.counter("availableReplicas"), 0);
        cluster.label_pod(&pod, "ok", json!("yes")).await;
        cluster.in_state(&pod, "Normal").await;
        cluster.counts("availableReplicas", 1).await;
    });
}

// IP-S35, IP-63: a label that is missing counts as one without text.
#[test]
fn a_hook_with_an_empty_label_holds_pods_without_it() {
    play(async |cluster| {
        let mut spec = spec(1, json!({}));
        spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "" } } });
        cluster.create(spec).await;
        cluster.rolled_out().await;
        cluster.scale(0).await;
        let held = preparing_delete(cluster).await;
        cluster.label_pod(&held, "hold", json!("no")).await;
        cluster.n_pods(0).await;
    });
}

// IP-S36, CS-97: where there is a lifecycle, but no hook for the update.
#[test]
fn an_update_without_a_hook_passes_through_updated() {
    play(async |cluster| {
        let mut spec = spec(1, in_place(json!(1)));
        spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "yes" } } });
        cluster.create(spec).await;
        cluster.rolled_out().await;
        let pod = cluster.names().remove(0);
        let since = cluster.now();
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        let story = cluster.story_of(PODS, &pod, since, state);
        assert_eq!(story, ["Normal", "Updating", "Updated", "Normal"]);
    });
}

// IP-S43, IP-69, DV-IP6: the key goes with the state, also when Updated is left out.
#[test]
fn an_update_whose_hook_is_complete_already_frees_the_pod() {
    play(async |cluster| {
        let hook = json!({ "labelsHandler": { "serve": "yes" }, "markPodNotReady": true });
        let mut spec = spec(1, in_place(json!(1)));
        spec["template"]["metadata"]["labels"]["serve"] = json!("yes");
        spec["lifecycle"] = json!({ "inPlaceUpdate": hook });
        cluster.create(spec).await;
        cluster.rolled_out().await;
        let pod = cluster.names().remove(0);
        let since = cluster.now();

        // An image that can't be pulled keeps it Updating.
        cluster.set_image(&bad_image()).await;
        cluster.in_state(&pod, "PreparingUpdate").await;
        kruise_ready(cluster, &pod, "False", &message("preUpdateHook")).await;
        cluster.label_pod(&pod, "serve", json!("no")).await;
        cluster.in_state(&pod, "Updating").await;
        kruise_ready(cluster, &pod, "False", &message("preUpdateHook")).await;
        cluster.label_pod(&pod, "serve", json!("yes")).await;

        cluster.set_image(&image(2)).await;
        cluster.in_state(&pod, "Normal").await;
        kruise_ready(cluster, &pod, "True", "[]").await;
        cluster.rolled_out().await;
        let story = cluster.story_of(PODS, &pod, since, state);
        assert_eq!(story, ["Normal", "PreparingUpdate", "Updating", "Normal"]);
        cluster
            .until("the pod is ready", |cluster| is_ready(&cluster.pod(&pod)))
            .await;
    });
}

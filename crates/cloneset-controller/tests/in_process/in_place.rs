//! Updates in place, step by step; and what can't be done so.

use jiff::Timestamp;
use kruise_api::resource::PODS;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, play},
    look::{
        REVISION, UPDATE_STATE, annotation, condition, image_of, is_ready, label, restarts, state,
        uids,
    },
    specs::{bad_image, image, in_place, spec},
};

/// Annotation of the template that the container reads as `APP_CONFIG`.
const CONFIG: &str = "cfg";
/// Hash of an environment in which `APP_CONFIG` is `v1` (IP-128).
const V1: u64 = 4_274_367_333;
/// The same of `v2`.
const V2: u64 = 984_755_435;

async fn one_pod(cluster: &mut Cluster<'_>, spec: Value) -> String {
    cluster.create(spec).await;
    cluster.rolled_out().await;
    cluster.names().remove(0)
}

/// Reports as a node daemon does that the containers of a pod were started with the environment of this hash.
async fn report_environment(cluster: &mut Cluster<'_>, pod: &str, hash: u64) {
    let found = cluster.pod(pod);
    let statuses = found["status"]["containerStatuses"].as_array().unwrap();
    let containers: Vec<Value> = statuses
        .iter()
        .map(|status| {
            json!({
                "name": status["name"],
                "containerID": status["containerID"],
                "restartCount": status["restartCount"],
                "hashes": { "plainHash": 0, "extractedEnvFromMetadataHash": hash },
            })
        })
        .collect();
    let report = json!({ "containers": containers }).to_string();
    let annotations = json!({ "apps.kruise.io/runtime-containers-meta": report });
    cluster
        .patch_pod(pod, json!({ "metadata": { "annotations": annotations } }))
        .await;
}

// IP-S3, IP-38, IP-53: nothing is done to a pod whose container does not run yet.
#[test]
fn an_update_whose_image_is_missing_stays_as_it_is() {
    play(async |cluster| {
        let pod = one_pod(cluster, spec(1, in_place(json!(1)))).await;
        cluster.set_image(&bad_image()).await;
        cluster.in_state(&pod, "Updating").await;
        let updating = annotation(&cluster.pod(&pod), UPDATE_STATE);
        let since = cluster.now();
        cluster.settle().await;
        let fact = |pod: &Value| {
            let ready = condition(pod, "InPlaceUpdateReady");
            json!([
                state(pod),
                ready["status"],
                ready["reason"],
                annotation(pod, UPDATE_STATE)
            ])
        };
        let expected = json!(["Updating", "False", "StartInPlaceUpdate", updating]);
        assert_eq!(fact(&cluster.pod(&pod)), expected);
        for seen in cluster.story_of(PODS, &pod, since, fact) {
            assert_eq!(seen, expected);
        }
        assert!(!is_ready(&cluster.pod(&pod)));
    });
}

// IP-S4, IP-19, IP-37
#[test]
fn a_grace_period_lies_between_unready_and_the_change() {
    play(async |cluster| {
        let mut terms = in_place(json!(1));
        terms["inPlaceUpdateStrategy"] = json!({ "gracePeriodSeconds": 30 });
        let pod = one_pod(cluster, spec(1, terms)).await;
        let since = cluster.now();
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        let revision = cluster.status("updateRevision");

        let notes = cluster.story_of(PODS, &pod, since, |pod| {
            json!({
                "image": image_of(pod),
                "revision": label(pod, REVISION),
                "grace": annotation(pod, "apps.kruise.io/inplace-update-grace"),
                "update": annotation(pod, UPDATE_STATE),
            })
        });
        let [before, grace, after] = &notes[..] else {
            panic!("{notes:#?}")
        };
        assert_eq!(before["image"], json!(image(1)));
        assert_eq!(grace["image"], json!(image(1)), "not changed yet");
        assert_eq!(grace["revision"], revision);
        assert_eq!(
            grace["grace"],
            json!({
                "revision": revision, "graceSeconds": 30, "containerImages": { "app": image(2) },
            })
        );
        assert_eq!(grace["update"]["lastContainerStatuses"], Value::Null);
        assert_eq!(grace["update"].get("containerBatchesRecord"), None);
        assert_eq!(after["image"], json!(image(2)));
        assert_eq!(after["grace"], Value::Null);
        let time = |value: &Value| -> Timestamp { value.as_str().unwrap().parse().unwrap() };
        let started = time(&grace["update"]["updateTimestamp"]);
        let changed = time(&after["update"]["containerBatchesRecord"][0]["timestamp"]);
        let waited = changed.duration_since(started).as_secs();
        assert!((30..=33).contains(&waited), "{waited} s");
    });
}

// IP-S6, IP-47: the report of a node daemon decides.
#[test]
fn an_environment_from_metadata_is_complete_when_the_daemon_says_so() {
    play(async |cluster| {
        let mut spec = spec(1, in_place(json!(1)));
        spec["template"]["metadata"]["annotations"] = json!({ CONFIG: "v1" });
        let path = format!("metadata.annotations['{CONFIG}']");
        spec["template"]["spec"]["containers"][0]["env"] =
            json!([{ "name": "APP_CONFIG", "valueFrom": { "fieldRef": { "fieldPath": path } } }]);
        let pod = one_pod(cluster, spec).await;
        report_environment(cluster, &pod, V1).await;
        cluster.settle().await;
        let metadata = json!({ "annotations": { CONFIG: "v2" } });
        cluster
            .patch_spec(json!({ "template": { "metadata": metadata } }))
            .await;
        let updating = cluster.in_state(&pod, "Updating").await;
        let update = annotation(&updating, UPDATE_STATE);
        assert_eq!(update["updateEnvFromMetadata"], true);
        assert_eq!(updating["metadata"]["annotations"][CONFIG], "v2");
        cluster.settle().await;
        assert_eq!(state(&cluster.pod(&pod)), "Updating");
        report_environment(cluster, &pod, V2).await;
        cluster.in_state(&pod, "Normal").await;
        cluster.rolled_out().await;
    });
}

// IP-S21, IP-S22, IP-S25, IP-6, CS-90
#[rstest]
#[case::environment(|pod: &mut Value| pod["containers"][0]["env"] = json!([{ "name": "MODE", "value": "new" }]))]
#[case::image_of_an_init_container(|pod: &mut Value| pod["initContainers"][0]["image"] = json!(image(2)))]
#[case::resources(|pod: &mut Value| pod["containers"][0]["resources"] = json!({ "requests": { "cpu": "2m" } }))]
fn what_cannot_change_in_place_needs_new_pods(#[case] change: fn(&mut Value)) {
    play(async |cluster| {
        let mut spec = spec(2, in_place(json!(1)));
        let init = json!({ "name": "init", "image": image(1) });
        spec["template"]["spec"]["initContainers"] = json!([init]);
        cluster.create(spec).await;
        cluster.rolled_out().await;
        let before = uids(&cluster.pods());
        let mut pod = cluster.set()["spec"]["template"]["spec"].clone();
        change(&mut pod);
        cluster
            .patch_spec(json!({ "template": { "spec": pod } }))
            .await;
        cluster.rolled_out().await;
        assert!(before.is_disjoint(&uids(&cluster.pods())));
    });
}

// CS-S9, IP-S1, IP-S2, CS-86: what serves is never fewer than allowed, seen at every change on the way.
#[test]
fn a_new_image_restarts_each_pod_once_and_keeps_to_max_unavailable() {
    play(async |cluster| {
        cluster.create(spec(6, in_place(json!(2)))).await;
        cluster.rolled_out().await;
        let before = uids(&cluster.pods());
        let since = cluster.now();
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        let pods = cluster.pods();
        assert_eq!(uids(&pods), before, "in place");
        for pod in &pods {
            assert_eq!((restarts(pod), image_of(pod)), (1, image(2)));
        }
        let mut unready = std::collections::BTreeSet::new();
        for change in cluster.changes(since, PODS) {
            let pod = change.after.expect("no pod goes");
            if is_ready(&pod) {
                unready.remove(&crate::look::uid(&pod));
            } else {
                unready.insert(crate::look::uid(&pod));
            }
            assert!(unready.len() <= 2, "{unready:?}");
        }
    });
}

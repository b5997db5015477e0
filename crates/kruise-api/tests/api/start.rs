use kruise_api::inplace::{
    Options, Start, Update, Workload, calculate, must_become_unready, not_ready_patch,
    start as start_writes,
};
use kruise_api::{pod::Pod, text::Text};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    GRACE, STATE, annotation, condition, merged, now, pod, revision, running_pod, terms, time,
};

fn to_image(image: &str) -> Update {
    Update {
        images: [("app".to_owned(), image.to_owned())].into(),
        ..Update::default()
    }
}

/// The one write of a start that resizes nothing.
fn start_patch(pod: &Pod, update: &Update, start: &Start<'_>) -> Value {
    let writes = start_writes(pod, update, start);
    assert_eq!(writes.resize, None);
    writes.pod
}

// IP-S1, step 2
#[test]
fn pod_leaves_service_first_ip_15() {
    let object = running_pod(&json!({}));
    assert!(must_become_unready(
        &pod(&object),
        &to_image("acme/app:2"),
        &Options::default()
    ));
    let patch = not_ready_patch(&pod(&object), time("2026-01-10T08:00:00.4Z"));
    assert_eq!(
        patch,
        json!({
            "metadata": { "uid": "u1", "resourceVersion": "7" },
            "status": { "conditions": [
                {
                    "type": "InPlaceUpdateReady",
                    "status": "False",
                    "lastTransitionTime": "2026-01-10T08:00:00Z",
                    "reason": "StartInPlaceUpdate",
                },
                {
                    "type": "Ready",
                    "status": "False",
                    "lastTransitionTime": "2026-01-10T08:00:00Z",
                    "reason": "ReadinessGatesNotReady",
                    "message": "the status of pod readiness gate \"InPlaceUpdateReady\" is not \
                                \"True\", but False",
                },
            ] },
        })
    );
    // IP-60: a condition that has the wanted status already is not touched.
    let after = merged(&object, &patch);
    assert_eq!(not_ready_patch(&pod(&after), now()).get("status"), None);
}

// IP-61, IP-S34
#[rstest]
#[case::containers_not_ready(json!([{ "type": "ContainersReady", "status": "False" }]))]
#[case::ready_is_false_already(json!([{ "type": "Ready", "status": "False" }]))]
fn ready_is_left_as_it_is_ip_61(#[case] conditions: Value) {
    let object = running_pod(&json!({ "status": { "conditions": conditions } }));
    let before = condition(&object, "Ready").unwrap().clone();
    let after = merged(&object, &not_ready_patch(&pod(&object), now()));
    assert_eq!(condition(&after, "Ready"), Some(&before));
    assert_eq!(
        condition(&after, "InPlaceUpdateReady").unwrap()["status"],
        "False"
    );
}

// IP-61
#[test]
fn every_closed_gate_is_named_ip_61() {
    let object = running_pod(&json!({
        "spec": { "readinessGates": [
            { "conditionType": "InPlaceUpdateReady" }, { "conditionType": "Other" },
        ] },
    }));
    let after = merged(&object, &not_ready_patch(&pod(&object), now()));
    assert_eq!(
        condition(&after, "Ready").unwrap()["message"],
        "the status of pod readiness gate \"InPlaceUpdateReady\" is not \"True\", but False, \
         corresponding condition of pod readiness gate \"Other\" does not exist."
    );
}

// IP-S32
#[test]
fn pod_without_the_gate_stays_in_service_ip_16() {
    let mut object = running_pod(&json!({}));
    object["spec"]["readinessGates"] = json!([]);
    let update = to_image("acme/app:2");
    assert!(!must_become_unready(
        &pod(&object),
        &update,
        &Options::default()
    ));
}

// IP-S1, step 3
#[test]
fn one_write_starts_the_update_ip_17() {
    let object = running_pod(&json!({}));
    let patch = start_patch(&pod(&object), &to_image("acme/app:2"), &terms(0));
    let after = merged(&object, &patch);
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(
        patch["spec"],
        json!({ "containers": [{ "name": "app", "image": "acme/app:2" }] })
    );
    let labels = &after["metadata"]["labels"];
    assert_eq!(labels["controller-revision-hash"], "web-bbb");
    assert_eq!(labels["pod-template-hash"], "bbb");
    assert_eq!(labels["lifecycle.apps.kruise.io/state"], "Updating");
    let annotations = &after["metadata"]["annotations"];
    assert_eq!(
        annotations["lifecycle.apps.kruise.io/timestamp"],
        "2026-01-10T08:00:00Z"
    );
    assert_eq!(annotations.get(GRACE), None);
    // 3.2.1, to the byte.
    assert_eq!(
        annotations[STATE],
        concat!(
            r#"{"revision":"web-bbb","updateTimestamp":"2026-01-10T08:00:00Z","#,
            r#""lastContainerStatuses":{"app":{"imageID":"id1","containerID":"containerd://c1"}},"#,
            r#""updateImages":true,"containerBatchesRecord":[{"timestamp":"2026-01-10T08:00:00Z","#,
            r#""containers":["app"]}]}"#,
        )
    );
}

// IP-13
#[test]
fn label_is_short_when_asked_ip_13() {
    let object = running_pod(&json!({}));
    let start = Start {
        workload: Workload::CloneSet { short_label: true },
        ..terms(0)
    };
    let patch = start_patch(&pod(&object), &to_image("acme/app:2"), &start);
    assert_eq!(
        patch["metadata"]["labels"]["controller-revision-hash"],
        "bbb"
    );
    assert_eq!(annotation(&patch, STATE)["revision"], "web-bbb");
}

// IP-13, IP-17
#[rstest]
#[case::cloneset(Workload::CloneSet { short_label: false }, json!("Normal"), "web-bbb", Some("bbb"), "Updating")]
#[case::cloneset_without_state(Workload::CloneSet { short_label: false }, json!(null), "web-bbb", Some("bbb"), "Updating")]
#[case::statefulset(Workload::StatefulSet, json!("Normal"), "web-bbb", None, "Updating")]
#[case::statefulset_without_state(Workload::StatefulSet, json!(null), "web-bbb", None, "")]
#[case::daemonset(Workload::DaemonSet, json!(null), "bbb", None, "")]
fn each_workload_marks_its_pods_in_its_way_ip_13(
    #[case] workload: Workload,
    #[case] state: Value,
    #[case] revision: &str,
    #[case] template_hash: Option<&str>,
    #[case] state_after: &str,
) {
    let object = running_pod(&json!({ "metadata": { "labels": {
        "lifecycle.apps.kruise.io/state": state,
        "pod-template-hash": null,
    } } }));
    let start = Start {
        workload,
        revision,
        ..terms(0)
    };
    let patch = start_patch(&pod(&object), &to_image("acme/app:2"), &start);
    let after = pod(&merged(&object, &patch));
    assert_eq!(
        after
            .metadata
            .labels
            .get("controller-revision-hash")
            .map(Text::as_str),
        Some(revision)
    );
    assert_eq!(
        after
            .metadata
            .labels
            .get("pod-template-hash")
            .map(Text::as_str),
        template_hash
    );
    assert_eq!(kruise_api::inplace::lifecycle::state(&after), state_after);
    assert_eq!(
        patch["metadata"]["annotations"]
            .get("lifecycle.apps.kruise.io/timestamp")
            .is_some(),
        !state_after.is_empty()
    );
}

// IP-S4, first part; 3.2.1 and 3.2.2 to the byte
#[test]
fn grace_changes_nothing_yet_ip_19() {
    let object = running_pod(&json!({}));
    let update = Update {
        metadata_patch: Some(json!({ "labels": { "tier": "b" } })),
        ..to_image("acme/app:2")
    };
    let patch = start_patch(&pod(&object), &update, &terms(30));
    assert_eq!(patch.get("spec"), None);
    let labels = &patch["metadata"]["labels"];
    assert_eq!(labels["controller-revision-hash"], "web-bbb");
    assert_eq!(labels.get("tier"), None);
    let annotations = &patch["metadata"]["annotations"];
    assert_eq!(
        annotations[STATE],
        concat!(
            r#"{"revision":"web-bbb","updateTimestamp":"2026-01-10T08:00:00Z","#,
            r#""lastContainerStatuses":null,"updateImages":true}"#,
        )
    );
    assert_eq!(
        annotations[GRACE],
        concat!(
            r#"{"revision":"web-bbb","containerImages":{"app":"acme/app:2"},"#,
            r#""metaDataPatch":"eyJtZXRhZGF0YSI6eyJsYWJlbHMiOnsidGllciI6ImIifX19","#,
            r#""graceSeconds":30}"#,
        )
    );
}

// IP-S5
#[test]
fn metadata_alone_is_a_batch_of_no_container_ip_54() {
    let object = running_pod(&json!({}));
    let labelled = |tier: &str| revision(&json!({ "metadata": { "labels": { "tier": tier } } }));
    let update = calculate(&labelled("a"), &labelled("b"), &Options::default()).unwrap();
    let patch = start_patch(&pod(&object), &update, &terms(0));
    assert_eq!(patch["metadata"]["labels"]["tier"], "b");
    assert_eq!(patch.get("spec"), None);
    assert_eq!(
        annotation(&patch, STATE)["containerBatchesRecord"],
        json!([{ "timestamp": "2026-01-10T08:00:00Z", "containers": [] }])
    );
}

// IP-17, IP-18
#[test]
fn legacy_keys_go_ip_17() {
    let object = running_pod(&json!({ "metadata": { "annotations": {
        "inplace-update-state": "{}", "inplace-update-grace": "", GRACE: "",
    } } }));
    let after = merged(
        &object,
        &start_patch(&pod(&object), &to_image("acme/app:2"), &terms(0)),
    );
    let annotations = after["metadata"]["annotations"].as_object().unwrap();
    let mut keys: Vec<_> = annotations.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, [STATE, "lifecycle.apps.kruise.io/timestamp"]);
}

// IP-27
#[test]
fn container_without_status_gets_no_entry_ip_27() {
    let mut object = running_pod(&json!({}));
    object["status"]["containerStatuses"] = json!([]);
    let patch = start_patch(&pod(&object), &to_image("acme/app:2"), &terms(0));
    assert_eq!(
        annotation(&patch, STATE)["lastContainerStatuses"],
        json!(null)
    );
}

// IP-55
#[test]
fn containers_that_the_pod_lacks_are_left_out_ip_25() {
    let object = running_pod(&json!({}));
    let update = Update {
        images: [("gone".to_owned(), "x".to_owned())].into(),
        ..Update::default()
    };
    assert_eq!(
        start_patch(&pod(&object), &update, &terms(0)).get("spec"),
        None
    );
}

fn barriers() -> Value {
    let container = |name: &str, key: &str| {
        json!({ "name": name, "image": "x:1", "env": [{
            "name": "KRUISE_CONTAINER_BARRIER",
            "valueFrom": { "configMapKeyRef": { "name": "web-x1-barrier", "key": key } },
        }] })
    };
    let status =
        |name: &str| json!({ "name": name, "image": "x:1", "imageID": "i1", "ready": true });
    let mut object = running_pod(&json!({}));
    object["spec"]["containers"] = json!([container("a", "p_10"), container("b", "p_0")]);
    object["status"]["containerStatuses"] = json!([status("a"), status("b")]);
    object
}

// IP-25, DV-IP8: no barrier, or one that names no key, is no priority; a key that is no number is 0.
#[rstest]
#[case::none(json!([]), &["a", "c"])]
#[case::another_source(json!([{ "name": "KRUISE_CONTAINER_BARRIER", "valueFrom": {} }]), &["a", "c"])]
#[case::short_key(barrier("p"), &["a", "c"])]
#[case::no_number(barrier("p_x"), &["a"])]
#[case::as_high(barrier("p_10"), &["a", "c"])]
#[case::lower(barrier("p_9"), &["a"])]
#[case::higher(barrier("p_11"), &["c"])]
fn who_goes_first_ip_25(#[case] env: Value, #[case] first: &[&str]) {
    let mut object = barriers();
    let further = json!({ "name": "c", "image": "x:1", "env": env });
    let containers = object["spec"]["containers"].as_array_mut().unwrap();
    containers.push(further);
    let images = ["a", "b", "c"].map(|name| (name.to_owned(), "x:2".to_owned()));
    let update = Update {
        images: images.into(),
        ..Update::default()
    };
    let patch = start_patch(&pod(&object), &update, &terms(0));
    let changed: Vec<&str> = patch["spec"]["containers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|container| container["name"].as_str().unwrap())
        .collect();
    assert_eq!(changed, first);
}

fn barrier(key: &str) -> Value {
    json!([{
        "name": "KRUISE_CONTAINER_BARRIER",
        "valueFrom": { "configMapKeyRef": { "name": "web-x1-barrier", "key": key } },
    }])
}

// IP-25, IP-32, first part of IP-S9
#[test]
fn containers_of_the_highest_priority_go_first_ip_25() {
    let images = ["a", "b"].map(|name| (name.to_owned(), "x:2".to_owned()));
    let update = Update {
        images: images.into(),
        ..Update::default()
    };
    let patch = start_patch(&pod(&barriers()), &update, &terms(0));
    assert_eq!(
        patch["spec"]["containers"],
        json!([{ "name": "a", "image": "x:2" }])
    );
    let state = annotation(&patch, STATE);
    assert_eq!(state["nextContainerImages"], json!({ "b": "x:2" }));
    assert_eq!(
        state["preCheckBeforeNext"],
        json!({ "containersRequiredReady": ["a"] })
    );
    assert_eq!(
        state["lastContainerStatuses"],
        json!({ "a": { "imageID": "i1" } })
    );
}

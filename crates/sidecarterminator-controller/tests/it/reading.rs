//! What is read of pods, nodes and requests, and that no more is kept.

use kruise_api::object::Object;
use rstest::rstest;
use serde_json::{Value, json};
use sidecarterminator_controller::{
    node::StoredNode,
    pod::{State, StoredPod},
    request::StoredRequest,
};

fn with_env(env: Value) -> StoredPod {
    let pod = json!({
        "metadata": {
            "name": "job", "namespace": "ns", "uid": "u", "resourceVersion": "4",
            "labels": { "a": "b" }, "annotations": { "c": "d" },
            "ownerReferences": [{ "kind": "Job", "name": "j", "uid": "v" }],
        },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "side", "image": "acme/side:1", "env": env }],
        },
    });
    serde_json::from_value(pod).unwrap()
}

// ST-A13, ST-2
#[rstest]
#[case::lower("true", true)]
#[case::upper("TRUE", true)]
#[case::mixed("tRuE", true)]
#[case::number("1", false)]
#[case::word("yes", false)]
#[case::padded(" true", false)]
#[case::nothing("", false)]
fn true_counts_in_any_case(#[case] value: &str, #[case] counts: bool) {
    let killed = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT";
    let pod = with_env(json!([{ "name": killed, "value": value }]));
    assert_eq!(pod.state.is_some(), counts);
    let ignore = "KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE";
    let pod =
        with_env(json!([{ "name": killed, "value": "true" }, { "name": ignore, "value": value }]));
    assert_eq!(pod.state.unwrap().containers[0].ignores_exit_code, counts);
}

// ST-A13
#[rstest]
#[case::from_a_config_map(json!([{
    "name": "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT",
    "valueFrom": { "configMapKeyRef": { "name": "c", "key": "true" } },
}]))]
#[case::image_from_a_field(json!([{
    "name": "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE",
    "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } },
}]))]
#[case::no_image(json!([{ "name": "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE", "value": "" }]))]
#[case::another_variable(json!([{ "name": "A", "value": "true" }]))]
#[case::null(json!(null))]
#[case::nulls(json!([null, { "name": null, "value": null }]))]
fn other_variables_make_no_sidecar(#[case] env: Value) {
    assert_eq!(with_env(env).state, None);
}

// ST-2: init containers are never looked at.
#[test]
fn an_init_container_is_no_sidecar() {
    let env = json!([{ "name": "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT", "value": "true" }]);
    let pod = json!({ "metadata": {}, "spec": {
        "restartPolicy": "Never",
        "initContainers": [{ "name": "init", "env": env }],
        "containers": [{ "name": "main" }],
    } });
    let pod: StoredPod = serde_json::from_value(pod).unwrap();
    assert_eq!(pod.state, None);
}

#[test]
fn of_a_pod_without_sidecars_only_its_identity_is_kept() {
    let pod = with_env(json!([]));
    assert_eq!(pod.state, None);
    let metadata = pod.meta();
    assert_eq!(
        (
            metadata.name.as_str(),
            metadata.uid.as_str(),
            metadata.resource_version.as_str()
        ),
        ("job", "u", "4")
    );
    assert!(metadata.labels.is_empty() && metadata.annotations.is_empty());
    assert!(metadata.owner_references.is_empty());
}

#[test]
fn absent_and_null_are_read_alike() {
    for pod in [
        json!({}),
        json!({ "metadata": null, "spec": null, "status": null }),
        json!({ "spec": { "restartPolicy": "Never", "containers": null } }),
        json!({ "spec": { "restartPolicy": null, "nodeName": null, "containers": [null] } }),
    ] {
        let pod: StoredPod = serde_json::from_value(pod).unwrap();
        assert_eq!(pod, StoredPod::default());
    }
}

#[test]
fn a_state_is_told_by_what_the_kubelet_says() {
    let env = json!([{ "name": "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT", "value": "true" }]);
    let pod = json!({ "metadata": {}, "spec": {
        "restartPolicy": "OnFailure", "containers": [{ "name": "side", "env": env }],
    }, "status": { "phase": "Running", "containerStatuses": [
        { "name": "a", "state": { "terminated": { "exitCode": 3 } } },
        { "name": "b", "state": { "terminated": { "exitCode": null } } },
        { "name": "c", "state": { "running": { "startedAt": "2026-01-10T10:00:00Z" } } },
        { "name": "d", "state": { "running": null, "waiting": {} } },
        { "name": "e", "state": null, "lastState": { "terminated": { "exitCode": 0 } } },
    ] } });
    let pod: StoredPod = serde_json::from_value(pod).unwrap();
    let statuses = pod.state.unwrap().statuses;
    let states: Vec<State> = statuses.iter().map(|status| status.state).collect();
    let (ended, waits) = (State::Terminated, State::Waiting);
    assert_eq!(states, [ended(3), ended(0), State::Running, waits, waits]);
}

// ST-5
#[rstest]
#[case::virtual_node(json!({ "type": "virtual-kubelet", "zone": "a" }), true)]
#[case::another_type(json!({ "type": "metal" }), false)]
#[case::no_labels(json!(null), false)]
fn a_node_says_whether_it_is_virtual(#[case] labels: Value, #[case] is_virtual: bool) {
    let node = json!({ "metadata": {
        "name": "n1", "labels": labels, "annotations": { "a": "b" },
    }, "status": { "images": [] } });
    let node: StoredNode = serde_json::from_value(node).unwrap();
    assert_eq!(node.is_virtual(), is_virtual);
    assert!(node.meta().labels.len() <= 1 && node.meta().annotations.is_empty());
}

#[test]
fn of_requests_only_ours_are_read() {
    let request = |name: &str| -> StoredRequest {
        let request = json!({
            "metadata": { "name": name, "namespace": "ns", "uid": "r", "labels": { "a": "b" } },
            "spec": { "podName": "job", "containers": [{ "name": "side" }] },
        });
        serde_json::from_value(request).unwrap()
    };
    let ours = request("sidecar-termination-u");
    let pod = ours.pod().unwrap();
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("ns", "job"));
    assert!(!ours.request.as_ref().unwrap().is_finished);
    let others = request("restart-u");
    assert_eq!((others.pod(), others.request), (None, None));
    assert!(others.metadata.labels.is_empty());
}

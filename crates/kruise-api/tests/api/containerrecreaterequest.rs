//! ContainerRecreateRequest: its versions, what is filled in, and what is refused.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    kinds::containerrecreaterequest::{
        defaults::{fill_from_pod, fill_v1alpha1, fill_v1beta1},
        pod::StoppablePod,
        validation::{
            ANSWER_CODE, UPDATE_ANSWER_CODE, node_not_found, pod_not_found, validate,
            validate_for_pod, validate_update_v1alpha1, validate_update_v1beta1,
        },
    },
    read::Node,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    samples,
    support::merged,
};

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(|request: v1alpha1::ContainerRecreateRequest, stored| {
            if let Some(stored) = stored {
                return validate_update_v1alpha1(&request, &stored);
            }
            let (mut metadata, mut spec) = (request.metadata, request.spec);
            fill_v1alpha1(&mut metadata, &mut spec);
            validate(&spec)
        }),
        version(|request: v1beta1::ContainerRecreateRequest, stored| {
            if let Some(stored) = stored {
                return validate_update_v1beta1(&request, &stored);
            }
            let (mut metadata, mut spec) = (request.metadata, request.spec);
            fill_v1beta1(&mut metadata, &mut spec);
            validate(&spec)
        })
        .settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";
const SNAPSHOT: &str = "crr.apps.kruise.io/sync-container-statuses";
const SINCE: &str = "crr.apps.kruise.io/unready-acquired";
const TIME: &str = "2026-01-10T08:00:00Z";

fn held(since: &str) -> Value {
    json!({
        "type": "PreRecreateGrace",
        "status": "True",
        "lastTransitionTime": since,
        "reason": "PreRecreateGrace",
        "message": "Pod has been forced to not-ready for unreadyGracePeriodSeconds drain",
    })
}

/// CR-2 and CR-3 of an object that has a status. What v1alpha1 has in annotations is there and in the status.
fn settle_v1beta1(object: &mut Value) {
    let mut status = object["status"].clone();
    let Some(members) = status.as_object_mut() else {
        return;
    };
    let annotations = object["metadata"]["annotations"].as_object_mut().unwrap();
    match members
        .get("containerStatusSnapshot")
        .and_then(Value::as_array)
    {
        Some(snapshot) if !snapshot.is_empty() => {
            // In the order of the type's fields.
            let status: v1beta1::ContainerRecreateRequestStatus =
                serde_json::from_value(json!({ "containerStatusSnapshot": snapshot })).unwrap();
            let text = serde_json::to_string(&status.container_status_snapshot).unwrap();
            annotations.insert(SNAPSHOT.to_owned(), json!(text));
        }
        _ => {
            let text = annotations.get(SNAPSHOT).and_then(Value::as_str);
            if let Some(snapshot) = text.and_then(|text| serde_json::from_str(text).ok()) {
                let snapshot: Vec<Value> = snapshot;
                members.insert("containerStatusSnapshot".to_owned(), json!(snapshot));
            }
        }
    }
    let conditions = members.remove("conditions").unwrap_or_default();
    let mut conditions = conditions.as_array().into_iter().flatten();
    let is_held = |it: &&Value| it["type"] == "PreRecreateGrace" && it["status"] == "True";
    if let Some(condition) = conditions.find(is_held) {
        annotations.insert(SINCE.to_owned(), condition["lastTransitionTime"].clone());
    }
    if annotations.get(SINCE).is_some_and(|since| since == TIME) {
        members.insert("conditions".to_owned(), json!([held(TIME)]));
    }
    object["status"] = status;
}

fn object(api_version: &str, annotations: Value, status: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "ContainerRecreateRequest",
        "metadata": { "name": "r", "namespace": "ns" },
        "spec": { "podName": "web-0", "containers": [{ "name": "app" }] },
    });
    if annotations != json!({}) {
        object["metadata"]["annotations"] = annotations;
    }
    if !status.is_null() {
        object["status"] = status;
    }
    object
}

const ONE: &str =
    r#"[{"name":"app","ready":true,"restartCount":1,"containerID":"containerd://b"}]"#;

// CR-1, CR-2, CR-S26, CR-S27
#[rstest]
#[case::nothing(json!({}), json!({}))]
#[case::snapshot(
    json!({ SNAPSHOT: ONE }),
    json!({ "containerStatusSnapshot": [
        { "name": "app", "ready": true, "restartCount": 1, "containerID": "containerd://b" },
    ] }),
)]
#[case::both(
    json!({ SNAPSHOT: r#"[{"name":"a","ready":false,"restartCount":0}]"#, SINCE: "2026-01-10T10:00:00+02:00", "x": "y" }),
    json!({
        "containerStatusSnapshot": [{ "name": "a", "ready": false, "restartCount": 0 }],
        "conditions": [held(TIME)],
    }),
)]
#[case::empty(json!({ SNAPSHOT: "", SINCE: "" }), json!({}))]
#[case::unreadable(json!({ SNAPSHOT: "{", SINCE: "yesterday" }), json!({}))]
#[case::null(json!({ SNAPSHOT: "null" }), json!({}))]
fn annotations_of_v1alpha1_become_status(#[case] annotations: Value, #[case] more: Value) {
    let mut status = json!({
        "phase": "Recreating",
        "containerRecreateStates": [{ "name": "app", "phase": "Pending", "isKilled": true }],
    });
    let old = object(V1ALPHA1, annotations.clone(), status.clone());
    json_patch::merge(&mut status, &more);
    let new = object(V1BETA1, annotations, status);
    assert_eq!(convert(old, V1BETA1).unwrap(), new);
}

// CR-3
#[rstest]
#[case::nothing(json!({ "x": "y" }), json!({}), json!({ "x": "y" }))]
#[case::snapshot(
    json!({ SNAPSHOT: "[]" }),
    json!({ "containerStatusSnapshot": [
        { "name": "app", "ready": true, "restartCount": 1, "containerID": "containerd://b" },
    ] }),
    json!({ SNAPSHOT: ONE }),
)]
#[case::held(json!({}), json!({ "conditions": [held("2026-01-10T10:00:00.7+02:00")] }), json!({ SINCE: TIME }))]
#[case::no_longer(
    json!({}),
    json!({ "conditions": [{
        "type": "PreRecreateGrace", "status": "False", "lastTransitionTime": TIME, "reason": "R", "message": "",
    }] }),
    json!({}),
)]
#[case::another(
    json!({}),
    json!({ "conditions": [{
        "type": "Other", "status": "True", "lastTransitionTime": TIME, "reason": "R", "message": "",
    }] }),
    json!({}),
)]
fn status_of_v1beta1_becomes_annotations(
    #[case] annotations: Value,
    #[case] more: Value,
    #[case] expected: Value,
) {
    let status = json!({ "phase": "Recreating", "message": "m", "completionTime": TIME });
    let mut full = status.clone();
    json_patch::merge(&mut full, &more);
    let new = object(V1BETA1, annotations, full);
    let old = object(V1ALPHA1, expected, status);
    assert_eq!(convert(new, V1ALPHA1).unwrap(), old);
}

// DV-CR4: a copy from elsewhere has annotations, and no status.
#[test]
fn annotations_alone_make_no_status() {
    let annotations = json!({ SNAPSHOT: ONE, SINCE: TIME });
    let old = object(V1ALPHA1, annotations.clone(), Value::Null);
    let new = object(V1BETA1, annotations, Value::Null);
    assert_eq!(convert(old, V1BETA1).unwrap(), new);
}

fn request(spec: &Value) -> v1beta1::ContainerRecreateRequest {
    let mut object = object(V1BETA1, json!({}), Value::Null);
    json_patch::merge(&mut object["spec"], spec);
    serde_json::from_value(object).unwrap()
}

// CR-6, DV-CR1, CR-S13
#[rstest]
#[case(json!({}), json!({ "failurePolicy": "Fail" }), None)]
#[case(json!({ "strategy": { "failurePolicy": "" } }), json!({ "failurePolicy": "Fail" }), None)]
#[case(
    json!({ "ttlSecondsAfterFinished": -5, "strategy": { "failurePolicy": "Ignore", "minStartedSeconds": -1 } }),
    json!({ "failurePolicy": "Ignore" }), Some(0),
)]
fn what_is_left_open_gets_its_default(
    #[case] spec: Value,
    #[case] strategy: Value,
    #[case] ttl: Option<i32>,
) {
    let request = request(&spec);
    let (mut metadata, mut spec) = (request.metadata, request.spec);
    metadata.labels.insert("crr.apps.kruise.io/active", "false");
    fill_v1alpha1(&mut metadata, &mut spec);
    assert_eq!(serde_json::to_value(&spec.strategy).unwrap(), strategy);
    assert_eq!(spec.ttl_seconds_after_finished, ttl);
    assert_eq!(
        metadata.labels.get("crr.apps.kruise.io/active").unwrap(),
        "true"
    );
    assert!(validate(&spec).is_empty());
}

// CR-10: through v1beta1 the schema refuses negative numbers.
#[test]
fn v1beta1_keeps_negative_numbers() {
    let request = request(&json!({ "ttlSecondsAfterFinished": -5 }));
    let (mut metadata, mut spec) = (request.metadata, request.spec);
    fill_v1beta1(&mut metadata, &mut spec);
    assert_eq!(spec.ttl_seconds_after_finished, Some(-5));
}

/// A pod with an app that is running, a helper that is not, and an init container that is done.
fn pod(patch: &Value) -> StoppablePod {
    let pod = json!({
        "metadata": { "name": "web-0", "namespace": "ns", "uid": "u7" },
        "spec": {
            "nodeName": "n1",
            "terminationGracePeriodSeconds": 30,
            "initContainers": [{ "name": "init" }],
            "containers": [
                {
                    "name": "app",
                    "ports": [{ "containerPort": 80, "name": "web", "protocol": "TCP" }],
                    "lifecycle": { "preStop": { "httpGet": { "path": "/bye", "port": "web" } } },
                },
                { "name": "helper", "ports": [{ "containerPort": 81 }] },
            ],
        },
        "status": {
            "phase": "Running",
            "initContainerStatuses": [{ "name": "init", "containerID": "containerd://i" }],
            "containerStatuses": [
                { "name": "app", "containerID": "containerd://a", "restartCount": 2 },
                { "name": "helper" },
            ],
        },
    });
    serde_json::from_value(merged(&pod, patch)).unwrap()
}

fn filled(spec: &Value, pod: &StoppablePod, labels: &Value) -> Value {
    let request = request(spec);
    let (mut metadata, mut spec) = (request.metadata, request.spec);
    let node: Node = serde_json::from_value(json!({ "metadata": { "labels": labels } })).unwrap();
    fill_from_pod(&mut metadata, &mut spec, pod, &node);
    json!({ "labels": metadata.labels, "spec": spec })
}

// CR-8, CR-9, CR-10, CR-S1
#[test]
fn what_the_pod_says_is_filled_in() {
    let expected = json!({
        "labels": { "crr.apps.kruise.io/node-name": "n1", "crr.apps.kruise.io/pod-uid": "u7" },
        "spec": {
            "podName": "web-0",
            "strategy": { "terminationGracePeriodSeconds": 30 },
            "containers": [{
                "name": "app",
                "preStop": { "httpGet": { "path": "/bye", "port": "web" } },
                "ports": [{ "containerPort": 80, "name": "web", "protocol": "TCP" }],
                "statusContext": { "containerID": "containerd://a", "restartCount": 2 },
            }],
        },
    });
    assert_eq!(filled(&json!({}), &pod(&json!({})), &json!({})), expected);
}

// CR-8, CR-9, CR-S34
#[test]
fn what_the_user_says_stays_and_a_serverless_node_is_marked() {
    let spec = json!({ "strategy": { "terminationGracePeriodSeconds": 0 } });
    let labels = json!({ "type": "virtual-kubelet", "zone": "a" });
    let filled = filled(&spec, &pod(&json!({})), &labels);
    assert_eq!(filled["spec"]["strategy"], spec["strategy"]);
    let labels = json!({
        "crr.apps.kruise.io/node-name": "n1", "crr.apps.kruise.io/pod-uid": "u7", "type": "virtual-kubelet",
    });
    assert_eq!(filled["labels"], labels);
}

// CR-10
#[rstest]
#[case::exec(json!({ "exec": { "command": ["bye"] } }), json!({ "exec": { "command": ["bye"] } }))]
#[case::tcp(json!({ "tcpSocket": { "port": 5 } }), json!({ "tcpSocket": { "port": 5 } }))]
#[case::sleep(json!({ "sleep": { "seconds": 5 } }), json!({}))]
fn ports_are_for_http_alone(#[case] hook: Value, #[case] expected: Value) {
    let mut hook = hook;
    hook["httpGet"] = Value::Null;
    let patch =
        json!({ "spec": { "containers": [{ "name": "app", "lifecycle": { "preStop": hook } }] } });
    let filled = filled(&json!({}), &pod(&patch), &json!({}));
    let container = &filled["spec"]["containers"][0];
    assert_eq!(
        (&container["preStop"], container.get("ports")),
        (&expected, None)
    );
}

const POD: &str = "spec.podName";
const FIRST: &str = "spec.containers[0].name";

// CR-7, CR-10, CR-S15 to CR-S18
#[rstest]
#[case::right(json!({}), json!({}), &[])]
#[case::finished(json!({}), json!({ "status": { "phase": "Succeeded" } }), &[POD])]
#[case::terminating(json!({}), json!({ "metadata": { "deletionTimestamp": TIME } }), &[POD])]
#[case::sidecars_are_stopped(
    json!({}),
    json!({ "status": { "phase": "Succeeded", "conditions": [{ "type": "SidecarTerminated", "status": "False" }] } }),
    &[],
)]
#[case::without_node(json!({}), json!({ "spec": { "nodeName": null } }), &[POD])]
#[case::unknown(json!({ "containers": [{ "name": "other" }] }), json!({}), &[FIRST])]
#[case::init(json!({ "containers": [{ "name": "init" }] }), json!({}), &[FIRST])]
#[case::not_started(json!({ "containers": [{ "name": "helper" }] }), json!({}), &[FIRST])]
#[case::no_status(json!({}), json!({ "status": { "containerStatuses": null } }), &[FIRST])]
fn the_pod_has_to_run_what_is_asked_for(
    #[case] spec: Value,
    #[case] patch: Value,
    #[case] expected: &[&str],
) {
    let errors = validate_for_pod(&request(&spec).spec, &pod(&patch));
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, expected, "{errors}");
}

// CR-5, CR-7, CR-S19
#[test]
fn refusals_are_told_in_kubernetes_words() {
    let spec = request(&json!({})).spec;
    assert_eq!(
        pod_not_found(&spec).to_string(),
        r#"spec.podName: Not found: "web-0""#
    );
    assert_eq!(
        node_not_found(&spec, &pod(&json!({}))).to_string(),
        r#"spec.podName: Invalid value: "web-0": the pod's node n1 is not there"#
    );
    assert_eq!((ANSWER_CODE, UPDATE_ANSWER_CODE), (400, 403));
}

// CR-5: what a client writes for "nothing" is no change.
#[test]
fn an_empty_part_is_as_good_as_an_absent_one() {
    let old = request(&json!({ "strategy": { "orderedRecreate": false } }));
    let new = request(&json!({ "strategy": {}, "containers": [{ "name": "app", "ports": [] }] }));
    assert!(validate_update_v1beta1(&new, &old).is_empty());
}

// The table of samples judges them as stored.
#[test]
fn the_minimal_sample_can_be_created() {
    let sample = samples::minimal("ContainerRecreateRequest");
    let request: v1beta1::ContainerRecreateRequest = serde_json::from_value(sample).unwrap();
    assert!(validate(&request.spec).is_empty());
}

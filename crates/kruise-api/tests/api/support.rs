//! Pods, templates and revisions in few words.

use jiff::Timestamp;
use kruise_api::{
    inplace::{Options, Start, Workload},
    pod::Pod,
    strategic_merge::{self, Schema},
};
use serde_json::{Value, json};

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The time at which everything happens unless a test says otherwise.
pub(crate) fn now() -> Timestamp {
    time("2026-01-10T08:00:00Z")
}

pub(crate) fn pod(json: &Value) -> Pod {
    serde_json::from_value(json.clone()).unwrap()
}

/// The pod after the patch, as the API server merges it.
pub(crate) fn merged(pod: &Value, patch: &Value) -> Value {
    strategic_merge::apply(Schema::Pod, pod, patch).unwrap()
}

/// A running pod `web-x1` of a CloneSet at revision `web-aaa` with one container, changed by `patch`.
pub(crate) fn running_pod(patch: &Value) -> Value {
    let pod = json!({
        "metadata": {
            "name": "web-x1",
            "namespace": "default",
            "uid": "u1",
            "resourceVersion": "7",
            "labels": {
                "app": "web",
                "controller-revision-hash": "web-aaa",
                "pod-template-hash": "aaa",
                "lifecycle.apps.kruise.io/state": "Normal",
            },
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{ "name": "app", "image": "acme/app:1" }],
            "readinessGates": [{ "conditionType": "InPlaceUpdateReady" }],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {
                    "type": "InPlaceUpdateReady",
                    "status": "True",
                    "lastTransitionTime": "2026-01-10T07:00:00Z",
                },
                { "type": "ContainersReady", "status": "True" },
                {
                    "type": "Ready",
                    "status": "True",
                    "lastTransitionTime": "2026-01-10T07:00:01Z",
                },
            ],
            "containerStatuses": [{
                "name": "app",
                "image": "acme/app:1",
                "imageID": "id1",
                "containerID": "containerd://c1",
                "ready": true,
                "restartCount": 0,
            }],
        },
    });
    merged(&pod, patch)
}

/// Data of a revision with one container, changed by `patch` of the template.
pub(crate) fn revision(patch: &Value) -> Value {
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": {
            "containers": [{
                "name": "app",
                "image": "acme/app:1",
                "env": [{ "name": "MODE", "value": "fast" }],
            }],
            "initContainers": [{ "name": "init", "image": "acme/init:1" }],
        },
    });
    let template = strategic_merge::apply(Schema::PodTemplateSpec, &template, patch).unwrap();
    let data = kruise_api::revision::data(&template);
    serde_json::from_str(&data).unwrap()
}

/// The annotation's JSON.
pub(crate) fn annotation(object: &Value, key: &str) -> Value {
    let text = object["metadata"]["annotations"][key]
        .as_str()
        .unwrap_or_else(|| {
            panic!("no annotation {key} in {object}");
        });
    serde_json::from_str(text).unwrap()
}

pub(crate) const STATE: &str = "apps.kruise.io/inplace-update-state";
pub(crate) const GRACE: &str = "apps.kruise.io/inplace-update-grace";

pub(crate) fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == type_)
}

/// The terms on which a CloneSet's pod goes to `web-bbb`.
pub(crate) fn terms(grace_seconds: i32) -> Start<'static> {
    Start {
        workload: Workload::CloneSet { short_label: false },
        revision: "web-bbb",
        target: &Value::Null,
        grace_seconds,
        options: Options::default(),
        now: now(),
    }
}

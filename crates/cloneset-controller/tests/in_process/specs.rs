//! Specs that stories start from.

use serde_json::{Value, json};

/// Readiness gate of pods that get ready when the story says so.
pub(crate) const OPEN: &str = "test.kruise.io/open";

/// One container, `app`.
pub(crate) fn spec(replicas: i32, rolling_update: Value) -> Value {
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "app", "image": image(1) }] },
        },
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

/// The same, with pods that are not ready before `Cluster::open`.
pub(crate) fn gated(replicas: i32, rolling_update: Value) -> Value {
    let mut spec = spec(replicas, rolling_update);
    spec["template"]["spec"]["readinessGates"] = json!([{ "conditionType": OPEN }]);
    spec
}

/// The terms of an update in place.
pub(crate) fn in_place(max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": max_unavailable })
}

pub(crate) fn image(version: u32) -> String {
    format!("example/app:{version}")
}

/// An image that no kubelet can pull.
pub(crate) fn bad_image() -> String {
    "example/app:bad".to_owned()
}

/// With a volume claim `data` for each pod.
pub(crate) fn with_claims(mut spec: Value, reuse: bool) -> Value {
    spec["volumeClaimTemplates"] = json!([claim_template("data")]);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    spec
}

pub(crate) fn claim_template(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Mi" } },
        },
    })
}

//! Specs, templates and terms of updates, as tests change them.

use kruise_api::inplace::Options;
use serde_json::{Value, json};

pub(crate) fn spec(replicas: i32, rolling_update: Value) -> Value {
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": template("acme/app:1"),
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

pub(crate) fn template(image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [
            { "name": "app", "image": image },
            { "name": "sidecar", "image": "acme/sidecar:1" },
        ] },
    })
}

/// The terms of an update in place.
pub(crate) fn in_place(max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": max_unavailable })
}

/// A template whose container asks for so much CPU, and what becomes of it when that changes.
pub(crate) fn sized(cpu: &str, policy: &str) -> Value {
    let mut template = template("acme/app:1");
    template["spec"]["containers"][0]["resources"] = json!({ "limits": { "cpu": cpu } });
    template["spec"]["containers"][0]["resizePolicy"] =
        json!([{ "resourceName": "cpu", "restartPolicy": policy }]);
    template
}

/// Resources may change in place, as on a server of today.
pub(crate) fn vertical_scaling() -> Options {
    Options {
        vertical_scaling: true,
        resize_subresource: true,
        ..Options::default()
    }
}

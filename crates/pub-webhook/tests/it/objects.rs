//! Objects as tests need them.

use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "web";
pub(crate) const BUDGET: &str = "shop";
/// Start of the clock of tests that bring their own.
pub(crate) const NOW: &str = "2026-01-10T10:00:00Z";

/// A pod of ReplicaSet `shop-7c9` that is linked to the budget, runs and is ready.
pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": format!("uid-{name}"), "resourceVersion": "1",
            "labels": { "app": "shop" },
            "annotations": { "pub.kruise.io/related-pub": BUDGET, "kruise.io/related-pub": BUDGET },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-7c9", "uid": "rs",
                "controller": true,
            }],
        },
        "spec": { "containers": [{ "name": "app", "image": "app:1" }] },
        "status": {
            "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [
                { "name": "app", "image": "app:1", "imageID": "app@sha256:1", "ready": true },
            ],
        },
    })
}

/// The pod, changed by a merge.
pub(crate) fn pod_with(name: &str, change: Value) -> Value {
    with(pod(name), change)
}

/// A budget whose status was computed: of ten pods so many must stay available, and all are.
pub(crate) fn budget(desired: i32, change: Value) -> Value {
    let budget = json!({
        "apiVersion": "policy.kruise.io/v1beta1", "kind": "PodUnavailableBudget",
        "metadata": {
            "name": BUDGET, "namespace": NAMESPACE, "uid": "budget", "resourceVersion": "1", "generation": 1,
        },
        "spec": { "selector": { "matchLabels": { "app": "shop" } }, "maxUnavailable": 10 - desired },
        "status": {
            "observedGeneration": 1, "disruptedPods": {}, "unavailablePods": {},
            "unavailableAllowed": 10 - desired, "currentAvailable": 10, "desiredAvailable": desired,
            "totalReplicas": 10,
        },
    });
    with(budget, change)
}

/// A budget of which nothing is left.
pub(crate) fn used_up(change: Value) -> Value {
    let used_up = budget(
        7,
        json!({ "status": { "unavailableAllowed": 0, "currentAvailable": 7 } }),
    );
    with(used_up, change)
}

pub(crate) fn with(mut object: Value, change: Value) -> Value {
    json_patch::merge(&mut object, &change);
    object
}

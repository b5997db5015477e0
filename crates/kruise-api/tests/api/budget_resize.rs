use kruise_api::budget::is_pure_resize;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{merged, running_pod};

/// A burstable pod.
fn old() -> Value {
    running_pod(&json!({ "spec": { "containers": [{
        "name": "app",
        "resources": { "requests": { "cpu": "1" }, "limits": { "memory": "1Gi" } },
    }] } }))
}

fn resources(resources: &Value) -> Value {
    json!({ "spec": { "containers": [{ "name": "app", "resources": resources }] } })
}

fn is_resize(old: &Value, patch: &Value) -> bool {
    is_pure_resize(old, &merged(old, patch))
}

// PB-34; PB-S35
#[rstest]
#[case::more(json!({ "requests": { "cpu": "2" } }), true)]
#[case::less(json!({ "limits": { "memory": "500Mi" } }), true)]
#[case::appears(json!({ "limits": { "cpu": "3" } }), true)]
#[case::vanishes(json!({ "limits": null }), true)]
#[case::another_resource(json!({ "requests": { "example.com/gpu": "1" } }), false)]
#[case::another_class(json!({ "requests": null, "limits": null }), false)]
fn amounts_of_cpu_and_memory_may_change(#[case] patch: Value, #[case] expected: bool) {
    assert_eq!(is_resize(&old(), &resources(&patch)), expected);
}

// PB-34: amounts are compared by value. So nothing changes here, though it is written about a resource that
// can't change in place.
#[test]
fn amounts_are_compared_by_value() {
    let gpu = |amount: &str| resources(&json!({ "requests": { "example.com/gpu": amount } }));
    let old = merged(&old(), &gpu("1"));
    assert!(is_resize(&old, &gpu("1000m")));
    assert!(!is_resize(&old, &gpu("2")));
}

// PB-34
#[rstest]
#[case("NotRequired", true)]
#[case("", true)]
#[case("RestartContainer", false)]
fn a_resize_that_restarts_is_an_update(#[case] policy: &str, #[case] expected: bool) {
    let policies = |policy: &str| {
        json!({ "spec": { "containers": [{ "name": "app", "resizePolicy": [
        { "resourceName": "cpu", "restartPolicy": policy },
        { "resourceName": "memory", "restartPolicy": "RestartContainer" },
    ] }] } })
    };
    let old = merged(&old(), &policies(policy));
    let more = resources(&json!({ "requests": { "cpu": "2" } }));
    assert_eq!(is_resize(&old, &more), expected);
}

// PB-34
#[rstest]
#[case::image(json!({ "spec": { "containers": [{ "name": "app", "image": "acme/app:2" }] } }))]
#[case::policy(json!({ "spec": { "containers": [
    { "name": "app", "resizePolicy": [{ "resourceName": "cpu", "restartPolicy": "NotRequired" }] },
] } }))]
#[case::init_container(json!({ "spec": { "initContainers": [{ "name": "i", "image": "acme/i:1" }] } }))]
#[case::another_container(json!({ "spec": { "containers": [{ "name": "b", "image": "acme/b:1" }] } }))]
#[case::unavailable(json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/x": "" } } }))]
fn anything_else_is_an_update(#[case] patch: Value) {
    let more = resources(&json!({ "requests": { "cpu": "2" } }));
    let new = merged(&merged(&old(), &more), &patch);
    assert!(!is_pure_resize(&old(), &new));
}

// PB-34: a label that was there before is not added. A static pod is the kubelet's.
#[rstest]
#[case(json!({ "labels": { "unavailable-pod.kruise.io/x": "" } }), true)]
#[case(json!({ "annotations": { "kubernetes.io/config.source": "api" } }), true)]
#[case(json!({ "annotations": { "kubernetes.io/config.source": "file" } }), false)]
fn who_may_be_resized(#[case] metadata: Value, #[case] expected: bool) {
    let old = merged(&old(), &json!({ "metadata": metadata }));
    let more = resources(&json!({ "requests": { "cpu": "2" } }));
    assert_eq!(is_resize(&old, &more), expected);
}

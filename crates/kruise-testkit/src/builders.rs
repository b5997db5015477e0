//! Objects as a test needs them, without what doesn't matter to it.

use serde_json::{Value, json};

/// A node that is ready.
#[must_use]
pub fn node(name: &str) -> Value {
    let conditions = json!([{ "type": "Ready", "status": "True" }]);
    let has = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "spec": {},
        "status": { "conditions": conditions, "allocatable": has, "capacity": has },
    })
}

/// A namespace.
#[must_use]
pub fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

/// A pod template of the application `app`, with one container a pair of name and image.
#[must_use]
pub fn template(app: &str, containers: &[(&str, &str)]) -> Value {
    let containers = containers.iter();
    let containers = containers.map(|(name, image)| json!({ "name": name, "image": image }));
    json!({
        "metadata": { "labels": { "app": app } },
        "spec": { "containers": containers.collect::<Vec<_>>() },
    })
}

/// A CloneSet that gives its pods the label `app`, its name.
#[must_use]
pub fn cloneset(name: &str, replicas: u64, template: &Value) -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet",
        "metadata": { "name": name, "namespace": "default" },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": template,
        },
    })
}

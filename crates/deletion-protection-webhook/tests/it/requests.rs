//! Requests as the API server sends them.

use deletion_protection_webhook::protected::ProtectedKind;
use kruise_runtime::webhook::AdmissionRequest;
use serde_json::{Value, json};

pub(crate) const LABEL: &str = "policy.kruise.io/delete-protection";

/// Group, version, plural and kind of what is protected.
pub(crate) fn names(kind: ProtectedKind) -> [&'static str; 4] {
    match kind {
        ProtectedKind::Namespace => ["", "v1", "namespaces", "Namespace"],
        ProtectedKind::CustomResourceDefinition => [
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
        ],
        ProtectedKind::Deployment => ["apps", "v1", "deployments", "Deployment"],
        ProtectedKind::ReplicaSet => ["apps", "v1", "replicasets", "ReplicaSet"],
        ProtectedKind::StatefulSet => ["apps", "v1", "statefulsets", "StatefulSet"],
        ProtectedKind::Service => ["", "v1", "services", "Service"],
        ProtectedKind::Ingress => ["networking.k8s.io", "v1", "ingresses", "Ingress"],
    }
}

/// The object `web` of a kind with this label and spec.
pub(crate) fn object(kind: ProtectedKind, label: Option<&str>, spec: Value) -> Value {
    let [group, version, _, kind] = names(kind);
    let labels = match label {
        Some(value) => json!({ "app": "web", LABEL: value }),
        None => json!({ "app": "web" }),
    };
    let api_version = format!("{group}/{version}");
    json!({
        "apiVersion": api_version.trim_start_matches('/'),
        "kind": kind,
        "metadata": { "name": "web", "namespace": "shop", "labels": labels },
        "spec": spec,
    })
}

/// The request to delete an object, with these members besides or instead.
pub(crate) fn deletion(kind: ProtectedKind, old: &Value, members: &Value) -> AdmissionRequest {
    let [group, version, plural, kind] = names(kind);
    let mut request = json!({
        "uid": "r1",
        "kind": { "group": group, "version": version, "kind": kind },
        "resource": { "group": group, "version": version, "resource": plural },
        "name": "web",
        "namespace": "shop",
        "operation": "DELETE",
        "userInfo": { "username": "alice" },
        "object": null,
        "oldObject": old,
        "dryRun": false,
    });
    for (member, value) in members.as_object().unwrap() {
        request[member] = value.clone();
    }
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

/// The spec of a CustomResourceDefinition of widgets, stored in the second of its versions.
pub(crate) fn widgets() -> Value {
    json!({
        "group": "example.com",
        "scope": "Namespaced",
        "names": { "kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList" },
        "versions": [
            { "name": "v2", "served": true, "storage": false },
            { "name": "v1", "served": true, "storage": true },
        ],
    })
}

//! The pods of the benchmarks: as large, and as full of what nobody reads, as those of real clusters.

use serde_json::{Value, json};

use super::hollow;

/// Label that says which CloneSet, or which group of plain pods, a pod belongs to.
pub(super) const APP: &str = "app.kubernetes.io/name";
/// Environment variables of a container: values that programs need, and controllers don't.
const VARIABLES: usize = 4;

/// A template of three containers and an init container. With what the API server and the hollow kubelet
/// add, `managedFields` among it, a pod of it is about 18 kB of JSON.
pub(super) fn template(app: &str, tag: &str) -> Value {
    json!({
        "metadata": {
            "labels": {
                APP: app,
                "app.kubernetes.io/version": "2026.1",
                "app.kubernetes.io/part-of": "shop",
                "app.kubernetes.io/managed-by": "delivery",
                "topology.example.com/cell": "cell-7",
            },
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "9090",
                "prometheus.io/path": "/internal/metrics",
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
                "example.com/owner": "team-checkout@example.com",
                "example.com/commit": "7b1c2f0d9a8e6b5c4d3f2e1a0b9c8d7e6f5a4b3c",
            },
        },
        "spec": {
            // Bound by the hollow scheduler.
            "schedulerName": hollow::SCHEDULER,
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "initContainers": [container("prepare", &image("prepare", "1"), 1)],
            "containers": [
                container("app", &image("app", tag), VARIABLES),
                container("proxy", &image("proxy", "1"), VARIABLES),
                container("log-agent", &image("log-agent", "1"), 1),
            ],
            "tolerations": [
                {"key": "dedicated", "operator": "Equal", "value": "shop", "effect": "NoSchedule"},
                {"key": "example.com/spot", "operator": "Exists"},
            ],
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": 100,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": {"matchLabels": {APP: app}},
                },
            }]}},
            "volumes": [
                {"name": "config", "configMap": {"name": "app-config"}},
                {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
                {"name": "certificates", "secret": {"secretName": "app-certificates"}},
            ],
        },
    })
}

/// The image of a container of the template. Nobody pulls it.
pub(super) fn image(container: &str, tag: &str) -> String {
    format!("registry.example.com/shop/{container}:{tag}")
}

/// A pod without owner, as the template says.
pub(super) fn plain(app: &str, name: &str) -> Value {
    let template = template(app, "1");
    let mut metadata = template.get("metadata").cloned().unwrap_or_default();
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("name".to_owned(), json!(name));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template.get("spec"),
    })
}

/// A revision of a workload that is not ours: one of ten that each has.
pub(super) fn revision_of_another(idx: usize) -> Value {
    let owner = format!("db-{}", idx / 10);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{owner}-{idx}"),
            "labels": { APP: owner, "controller.kubernetes.io/hash": format!("{idx}") },
            "ownerReferences": [{
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "name": owner,
                "uid": format!("{:08x}-1111-4222-8333-944455566677", idx / 10),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "data": { "spec": { "template": template(&owner, &idx.to_string()) } },
        "revision": idx % 10 + 1,
    })
}

/// A CloneSet of pods as the template says; `strategy` is its `spec.updateStrategy`.
pub(super) fn cloneset(name: &str, replicas: usize, tag: &str, strategy: &Value) -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "CloneSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {APP: name}},
            "template": template(name, tag),
            "updateStrategy": strategy,
        },
    })
}

fn container(name: &str, image: &str, n_variables: usize) -> Value {
    let variables = (0..n_variables)
        .map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value-{n}-of-{name}")}));
    let from_pod = ["metadata.name", "status.podIP"].into_iter().map(|path| {
        json!({
            "name": path.to_uppercase().replace('.', "_"),
            "valueFrom": {"fieldRef": {"fieldPath": path}},
        })
    });
    let mut container = json!({
        "name": name,
        "image": image,
        "args": ["--config=/etc/app/config.yaml", "--listen=0.0.0.0:8080", "--log-level=info"],
        "env": variables.chain(from_pod).collect::<Vec<_>>(),
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/app"},
            {"name": "cache", "mountPath": "/var/cache/app"},
            {"name": "certificates", "mountPath": "/etc/certificates", "readOnly": true},
        ],
    });
    if name != "prepare"
        && let Some(container) = container.as_object_mut()
    {
        let probe = json!({"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5});
        container.insert("readinessProbe".to_owned(), probe);
        let ports = json!([{"name": "http", "containerPort": 8080}]);
        container.insert("ports".to_owned(), ports);
    }
    container
}

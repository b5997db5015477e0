//! What the server fills in where an object of one of Kubernetes' own kinds says nothing. Pods have theirs in `pods`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{kinds::Kind, metadata, pods};

/// Fills in what an object leaves open.
pub(crate) fn fill_in(kind: &Kind, object: &mut Value) {
    match kind.names() {
        ("", "pods") => pods::default(object),
        ("", "podtemplates") => pods::default(&mut object["template"]),
        ("", "namespaces") => {
            let name = metadata::text(object, "name").to_owned();
            if !name.is_empty() {
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            }
        }
        ("", "nodes") => {
            let capacity = object["status"].get("capacity").cloned();
            if let Some(capacity) = capacity {
                set(&mut object["status"], "allocatable", capacity);
            }
        }
        ("", "secrets") => {
            set(object, "type", json!("Opaque"));
            text_data(object);
        }
        ("", "services") => service(&mut object["spec"]),
        ("", "persistentvolumeclaims") => {
            set(&mut object["spec"], "volumeMode", json!("Filesystem"));
            set(&mut object["status"], "phase", json!("Pending"));
        }
        ("", "persistentvolumes") => {
            set(&mut object["spec"], "volumeMode", json!("Filesystem"));
            set(
                &mut object["spec"],
                "persistentVolumeReclaimPolicy",
                json!("Retain"),
            );
            set(&mut object["status"], "phase", json!("Pending"));
        }
        ("apps", plural) | ("", plural @ "replicationcontrollers")
            if object["spec"].get("template").is_some() =>
        {
            workload(plural, &mut object["spec"]);
        }
        ("scheduling.k8s.io", _) => set(object, "preemptionPolicy", json!("PreemptLowerPriority")),
        ("storage.k8s.io", _) => {
            set(object, "reclaimPolicy", json!("Delete"));
            set(object, "volumeBindingMode", json!("Immediate"));
        }
        ("admissionregistration.k8s.io", plural) => {
            let mutates = plural.starts_with("mutating");
            for webhook in items(object, "webhooks") {
                self::webhook(webhook, mutates);
            }
        }
        ("apiextensions.k8s.io", _) => definition(&mut object["spec"]),
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings")
            if object["roleRef"].is_object() =>
        {
            set(
                &mut object["roleRef"],
                "apiGroup",
                json!("rbac.authorization.k8s.io"),
            );
        }
        _ => {}
    }
}

fn set(owner: &mut Value, member: &str, value: Value) {
    if owner.is_null() {
        *owner = json!({});
    }
    if owner
        .get(member)
        .is_none_or(|own| own.is_null() || own == "")
    {
        owner[member] = value;
    }
}

fn items<'a>(owner: &'a mut Value, member: &str) -> impl Iterator<Item = &'a mut Value> {
    owner
        .get_mut(member)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// Moves what a Secret has in plain text to the rest of its data.
fn text_data(secret: &mut Value) {
    let texts = secret
        .as_object_mut()
        .and_then(|secret| secret.shift_remove("stringData"));
    for (name, text) in texts
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        secret["data"][name] = encoded.into();
    }
}

fn service(spec: &mut Value) {
    set(spec, "sessionAffinity", json!("None"));
    set(spec, "type", json!("ClusterIP"));
    set(spec, "internalTrafficPolicy", json!("Cluster"));
    for port in items(spec, "ports") {
        set(port, "protocol", json!("TCP"));
        if port["targetPort"] == 0 {
            port["targetPort"] = port["port"].clone();
        }
    }
}

fn workload(plural: &str, spec: &mut Value) {
    pods::default(&mut spec["template"]);
    if plural != "daemonsets" {
        set(spec, "replicas", json!(1));
    }
    match plural {
        "deployments" => {
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "progressDeadlineSeconds", json!(600));
            set(&mut spec["strategy"], "type", json!("RollingUpdate"));
            if spec["strategy"]["type"] == "RollingUpdate" {
                let rolling = &mut spec["strategy"]["rollingUpdate"];
                set(rolling, "maxUnavailable", json!("25%"));
                set(rolling, "maxSurge", json!("25%"));
            }
        }
        "statefulsets" => {
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "podManagementPolicy", json!("OrderedReady"));
            set(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
            if spec["updateStrategy"]["type"] == "RollingUpdate" {
                set(
                    &mut spec["updateStrategy"]["rollingUpdate"],
                    "partition",
                    json!(0),
                );
            }
            let policy = &mut spec["persistentVolumeClaimRetentionPolicy"];
            set(policy, "whenDeleted", json!("Retain"));
            set(policy, "whenScaled", json!("Retain"));
        }
        "daemonsets" => {
            set(spec, "revisionHistoryLimit", json!(10));
            set(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
            if spec["updateStrategy"]["type"] == "RollingUpdate" {
                let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
                set(rolling, "maxUnavailable", json!(1));
                set(rolling, "maxSurge", json!(0));
            }
        }
        _ => {}
    }
}

fn webhook(webhook: &mut Value, mutates: bool) {
    set(webhook, "failurePolicy", json!("Fail"));
    set(webhook, "matchPolicy", json!("Equivalent"));
    set(webhook, "namespaceSelector", json!({}));
    set(webhook, "objectSelector", json!({}));
    set(webhook, "timeoutSeconds", json!(10));
    if mutates {
        set(webhook, "reinvocationPolicy", json!("Never"));
    }
    if webhook["clientConfig"].get("service").is_some() {
        set(&mut webhook["clientConfig"]["service"], "port", json!(443));
    }
    for rule in items(webhook, "rules") {
        set(rule, "scope", json!("*"));
    }
}

fn definition(spec: &mut Value) {
    if spec.is_null() {
        return;
    }
    set(&mut spec["conversion"], "strategy", json!("None"));
    if let Some(webhook) = spec["conversion"].get_mut("webhook")
        && webhook["clientConfig"].get("service").is_some()
    {
        set(&mut webhook["clientConfig"]["service"], "port", json!(443));
    }
    let kind = spec["names"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if !kind.is_empty() {
        set(&mut spec["names"], "singular", kind.to_lowercase().into());
        set(&mut spec["names"], "listKind", format!("{kind}List").into());
    }
}

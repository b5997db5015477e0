//! Defaults of pod templates and of volume claim templates, whatever kind they stand in (CS-9). Admission
//! writes them. Controllers apply them in memory as well, so that installing or removing a webhook changes
//! nothing.
//!
//! Defaults of a kind's own fields stand in the kind's room in [`crate::kinds`].

use serde_json::{Map, Value, json};

use crate::quantity;

/// 0644, the mode of files in volumes made from objects.
const FILE_MODE: i64 = 0o644;

/// Fills in what a pod template leaves open. There is one difference from what Kubernetes itself would
/// write: ordinary containers always pull their image.
pub fn pod_template(template: &mut Value) {
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    text(spec, "dnsPolicy", "ClusterFirst");
    text(spec, "restartPolicy", "Always");
    set(spec, "terminationGracePeriodSeconds", json!(30));
    text(spec, "schedulerName", "default-scheduler");
    set(spec, "securityContext", json!({}));
    each(spec, "initContainers", |container| {
        let policy = core_pull_policy(container);
        ordinary_container(container, policy);
    });
    each(spec, "containers", |container| {
        ordinary_container(container, "Always");
    });
    each(spec, "ephemeralContainers", any_container);
    each(spec, "volumes", volume);
    quantities(spec, "overhead");
}

/// Fills in the host ports of a pod template that uses the host's network (CS-9). Only for feature gate
/// `DefaultHostNetworkHostPortsInPodTemplates`.
pub fn host_ports(template: &mut Value) {
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if spec.get("hostNetwork") != Some(&Value::Bool(true)) {
        return;
    }
    for containers in ["initContainers", "containers"] {
        each(spec, containers, |container| {
            each(container, "ports", |port| {
                if let Some(own) = port.get("containerPort").and_then(Value::as_i64) {
                    number(port, "hostPort", own);
                }
            });
        });
    }
}

/// Fills in what a container of a SidecarSet leaves open (SS-12).
pub(crate) fn sidecar_container(container: &mut Map<String, Value>) {
    let policy = core_pull_policy(container);
    text(container, "imagePullPolicy", policy);
    text(container, "terminationMessagePath", "/dev/termination-log");
    text(container, "terminationMessagePolicy", "File");
    // Its startupProbe is left as it is: hashes of stored SidecarSets depend on it.
    container_parts(container, &["livenessProbe", "readinessProbe"]);
}

/// Fills in what volumes leave open (SS-14).
pub(crate) fn volumes(volumes: &mut Value) {
    let volumes = volumes.as_array_mut().into_iter().flatten();
    volumes.filter_map(Value::as_object_mut).for_each(volume);
}

/// Fills in what a volume claim template leaves open.
pub fn volume_claim_template(claim: &mut Value) {
    let Some(claim) = claim.as_object_mut() else {
        return;
    };
    set(claim, "status", json!({}));
    if let Some(status) = object(claim, "status") {
        text(status, "phase", "Pending");
        quantities(status, "capacity");
    }
    if let Some(resources) = object(claim, "spec").and_then(|spec| object(spec, "resources")) {
        quantities(resources, "limits");
        quantities(resources, "requests");
    }
}

fn ordinary_container(container: &mut Map<String, Value>, pull_policy: &str) {
    text(container, "imagePullPolicy", pull_policy);
    text(container, "terminationMessagePath", "/dev/termination-log");
    text(container, "terminationMessagePolicy", "File");
    any_container(container);
}

fn any_container(container: &mut Map<String, Value>) {
    container_parts(
        container,
        &["livenessProbe", "readinessProbe", "startupProbe"],
    );
}

fn container_parts(container: &mut Map<String, Value>, probes: &[&str]) {
    each(container, "ports", |port| text(port, "protocol", "TCP"));
    each(container, "env", |env| {
        if let Some(field) = object(env, "valueFrom").and_then(|from| object(from, "fieldRef")) {
            text(field, "apiVersion", "v1");
        }
    });
    for probe in probes {
        if let Some(probe) = object(container, probe) {
            number(probe, "timeoutSeconds", 1);
            number(probe, "periodSeconds", 10);
            number(probe, "successThreshold", 1);
            number(probe, "failureThreshold", 3);
            handler(probe);
        }
    }
    if let Some(lifecycle) = object(container, "lifecycle") {
        for event in ["postStart", "preStop"] {
            if let Some(event) = object(lifecycle, event) {
                handler(event);
            }
        }
    }
    if let Some(resources) = object(container, "resources") {
        quantities(resources, "limits");
        quantities(resources, "requests");
    }
}

fn handler(handler: &mut Map<String, Value>) {
    if let Some(get) = object(handler, "httpGet") {
        text(get, "path", "/");
        text(get, "scheme", "HTTP");
    }
}

fn volume(volume: &mut Map<String, Value>) {
    let has_source = volume
        .iter()
        .any(|(key, value)| key != "name" && !value.is_null());
    if !has_source {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(path) = object(volume, "hostPath") {
        set(path, "type", json!(""));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = object(volume, source) {
            set(source, "defaultMode", json!(FILE_MODE));
        }
    }
    if let Some(downward) = object(volume, "downwardAPI") {
        downward_items(downward);
    }
    if let Some(projected) = object(volume, "projected") {
        each(projected, "sources", |source| {
            if let Some(downward) = object(source, "downwardAPI") {
                downward_items(downward);
            }
            if let Some(token) = object(source, "serviceAccountToken") {
                set(token, "expirationSeconds", json!(3600));
            }
        });
    }
}

fn downward_items(downward: &mut Map<String, Value>) {
    each(downward, "items", |item| {
        if let Some(field) = object(item, "fieldRef") {
            text(field, "apiVersion", "v1");
        }
    });
}

/// Kubernetes' own default: always for the tag `latest`, which is also meant by an image without tag and
/// digest.
fn core_pull_policy(container: &Map<String, Value>) -> &'static str {
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (name, has_digest) = image
        .split_once('@')
        .map_or((image, false), |(name, _)| (name, true));
    // A colon before the last slash belongs to the registry's port.
    let last_part = name.rsplit_once('/').map_or(name, |(_, last)| last);
    match last_part.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !has_digest && !image.is_empty() => "Always",
        _ => "IfNotPresent",
    }
}

/// Rounds each quantity of a resource list up to thousandths. Text that needs no rounding stays.
fn quantities(owner: &mut Map<String, Value>, key: &str) {
    let Some(resources) = object(owner, key) else {
        return;
    };
    for value in resources.values_mut() {
        let written = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        let rounded = quantity::round_up_to_milli(&written);
        if rounded.is_some() && rounded != quantity::canonical(&written) {
            *value = rounded.map_or(Value::Null, Value::String);
        }
    }
}

fn object<'a>(owner: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    owner.get_mut(key).and_then(Value::as_object_mut)
}

fn each(owner: &mut Map<String, Value>, key: &str, mut visit: impl FnMut(&mut Map<String, Value>)) {
    let items = owner.get_mut(key).and_then(Value::as_array_mut);
    for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
        visit(item);
    }
}

/// Sets a field that is absent.
fn set(owner: &mut Map<String, Value>, key: &str, default: Value) {
    set_if(owner, key, default, Value::is_null);
}

/// Sets a text that is absent or empty.
fn text(owner: &mut Map<String, Value>, key: &str, default: &str) {
    set_if(owner, key, Value::from(default), |value| {
        value.is_null() || value.as_str() == Some("")
    });
}

/// Sets a number that is absent or zero.
fn number(owner: &mut Map<String, Value>, key: &str, default: i64) {
    set_if(owner, key, Value::from(default), |value| {
        value.is_null() || value.as_i64() == Some(0)
    });
}

fn set_if(
    owner: &mut Map<String, Value>,
    key: &str,
    default: Value,
    is_unset: impl Fn(&Value) -> bool,
) {
    if owner.get(key).is_none_or(is_unset) {
        owner.insert(key.to_owned(), default);
    }
}

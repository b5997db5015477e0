//! What pods get that leave it open, and what the server's own admission adds.

use kruise_api::defaults;
use serde_json::{Value, json};

use crate::server::{State, call::Call, metadata, status::Status};

const TOLERATED: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

/// Fills in what a pod, or a template of pods, leaves open.
pub(crate) fn default(pod: &mut Value) {
    let given: Vec<(bool, Value)> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            (
                container["imagePullPolicy"].is_string(),
                container["image"].clone(),
            )
        })
        .collect();
    // The library's defaults are Kubernetes', but for one: ordinary containers always pull.
    defaults::pod_template(pod);
    if pod["spec"]["hostNetwork"] == true {
        defaults::host_ports(pod);
    }
    let containers = pod["spec"]
        .get_mut("containers")
        .and_then(Value::as_array_mut);
    for (container, (has_policy, image)) in containers.into_iter().flatten().zip(given) {
        if !has_policy {
            container["imagePullPolicy"] = pull_policy(image.as_str().unwrap_or_default()).into();
        }
    }
    let is_pod = pod.get("kind").is_some();
    let Some(spec) = pod["spec"].as_object_mut() else {
        return;
    };
    for (from, to) in [
        ("serviceAccount", "serviceAccountName"),
        ("serviceAccountName", "serviceAccount"),
    ] {
        if let Some(name) = spec.get(from).cloned() {
            spec.entry(to).or_insert(name);
        }
    }
    // A template leaves these open until a pod is made of it.
    if is_pod {
        spec.entry("enableServiceLinks").or_insert(json!(true));
        for list in ["initContainers", "containers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            containers.into_iter().flatten().for_each(default_requests);
        }
    }
}

/// What a container may use at most is what it asks for, unless it says otherwise.
fn default_requests(container: &mut Value) {
    let limits = container["resources"]["limits"].as_object().cloned();
    for (name, limit) in limits.into_iter().flatten() {
        let requests = &mut container["resources"]["requests"];
        if requests.get(&name).is_none() {
            requests[name] = limit;
        }
    }
}

fn pull_policy(image: &str) -> &'static str {
    let (name, has_digest) = image
        .split_once('@')
        .map_or((image, false), |(name, _)| (name, true));
    let last = name.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !has_digest => "Always",
        _ => "IfNotPresent",
    }
}

/// What the server's own admission plugins add.
pub(crate) fn admit(state: &State, call: &Call, pod: &mut Value) -> Result<(), Status> {
    identify(pod);
    tolerate(pod);
    prioritize(state, call, pod)
}

/// A pod runs as somebody; the older name of the member says the same.
fn identify(pod: &mut Value) {
    let spec = &mut pod["spec"];
    if spec["serviceAccountName"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        spec["serviceAccountName"] = "default".into();
    }
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
}

fn tolerate(pod: &mut Value) {
    let mut tolerations = pod["spec"]["tolerations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for key in TOLERATED {
        let is_tolerated = tolerations.iter().any(|toleration| {
            let own = toleration["key"].as_str().unwrap_or_default();
            let effect = toleration["effect"].as_str().unwrap_or_default();
            (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        });
        if !is_tolerated {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
    pod["spec"]["tolerations"] = tolerations.into();
}

fn prioritize(state: &State, call: &Call, pod: &mut Value) -> Result<(), Status> {
    let class = pod["spec"]["priorityClassName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (priority, policy) = match class.as_str() {
        "" => (0, "PreemptLowerPriority".to_owned()),
        "system-cluster-critical" => (2_000_000_000, "PreemptLowerPriority".to_owned()),
        "system-node-critical" => (2_000_001_000, "PreemptLowerPriority".to_owned()),
        name => {
            let found = state.kinds.find("scheduling.k8s.io", "priorityclasses");
            let found = found.and_then(|(number, _)| state.store.get(number, name));
            let Some(found) = found else {
                let why = format!("no PriorityClass with name {name} was found");
                return Err(Status::forbidden(
                    &call.kind,
                    metadata::text(pod, "name"),
                    &why,
                ));
            };
            let policy = found["preemptionPolicy"]
                .as_str()
                .unwrap_or("PreemptLowerPriority");
            (found["value"].as_i64().unwrap_or(0), policy.to_owned())
        }
    };
    pod["spec"]["priority"] = priority.into();
    if pod["spec"].get("preemptionPolicy").is_none() {
        pod["spec"]["preemptionPolicy"] = policy.into();
    }
    Ok(())
}

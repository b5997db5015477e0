//! What a ControllerRevision stores of a SidecarSet: the five fields of the spec that pods get something from (SS-74).
//! Revisions that OpenKruise wrote have to be recognised, so the form is its own to the byte.

use serde_json::{Map, Value, json};

use super::{hash::forms, v1beta1::SidecarSetSpec};
use crate::revision::{canonical, normal_form};

/// The data of the revision of a spec that has its defaults: compact JSON, keys sorted.
#[must_use]
pub fn of(spec: &SidecarSetSpec) -> String {
    let secrets: Vec<Value> = spec
        .image_pull_secrets
        .iter()
        .map(|secret| normal_form("LocalObjectReference", &json!(secret)))
        .collect();
    let metadata = spec.patch_pod_metadata.iter().map(|patch| {
        let mut form = Map::new();
        if !patch.annotations.is_empty() {
            form.insert("annotations".to_owned(), json!(patch.annotations));
        }
        let policy = patch.patch_policy.as_str();
        if !policy.is_empty() {
            form.insert("patchPolicy".to_owned(), Value::from(policy));
        }
        Value::Object(form)
    });
    let containers = |containers| forms(containers).into_iter().map(Value::Object);
    let stored = json!({
        "$patch": "replace",
        "containers": list(containers(&spec.containers)),
        "imagePullSecrets": list(secrets),
        "initContainers": list(containers(&spec.init_containers)),
        "patchPodMetadata": list(metadata),
        "volumes": list(volumes(&spec.volumes)),
    });
    canonical(json!({ "spec": stored }))
}

fn volumes(volumes: &Value) -> impl Iterator<Item = Value> {
    let volumes = volumes.as_array().map(Vec::as_slice).unwrap_or_default();
    volumes.iter().map(|volume| normal_form("Volume", volume))
}

/// An empty list is written as an absent one.
fn list(items: impl IntoIterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.into_iter().collect();
    if items.is_empty() {
        Value::Null
    } else {
        Value::Array(items)
    }
}

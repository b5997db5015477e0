//! What the API server is asked about a CloneSet's template, and what of its refusals counts (CS-11).

use kruise_api::validation::FieldErrors;
use kruise_runtime::{StatusCause, webhook::kind};
use serde_json::{Map, Value, json};

/// Prefix of the objects' names, which no object ever gets.
const GENERATE_NAME: &str = "kruise-cloneset-";

/// The PodTemplate to be judged: the template, with a volume for each claim template, so that containers
/// may mount them and no volume has the same name (CS-11).
pub(super) fn pod_template(template: &Value, claims: &[Value]) -> Value {
    let mut template = match template {
        Value::Object(members) => members.clone(),
        _ => Map::new(),
    };
    if !claims.is_empty() {
        let spec = template.entry("spec").or_insert(Value::Null);
        if spec.is_null() {
            *spec = json!({});
        }
        add_volumes(spec, claims);
    }
    kind::pod_template(GENERATE_NAME, Value::Object(template))
}

fn add_volumes(spec: &mut Value, claims: &[Value]) {
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    let volumes = spec.entry("volumes").or_insert(Value::Null);
    if volumes.is_null() {
        *volumes = json!([]);
    }
    if let Some(volumes) = volumes.as_array_mut() {
        volumes.extend(claims.iter().map(|claim| {
            let name = claim.pointer("/metadata/name").unwrap_or(&Value::Null);
            json!({ "name": name, "persistentVolumeClaim": { "claimName": name } })
        }));
    }
}

/// What of the server's refusal counts in CloneSets (CS-11).
pub fn refusals(causes: &[StatusCause]) -> FieldErrors {
    kind::refusals(causes, kind::is_tolerated_in_workloads)
}

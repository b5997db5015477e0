//! Environment variables of sidecars (SS-116, SS-118).

use std::collections::BTreeSet;

use kruise_api::{apps::v1beta1::TransferEnvVar, well_known::env::IS_INJECTED};
use serde_json::{Value, json};

use super::pod::{Pod, elements, text};

/// The variables that are copied from containers of the pod, in order. What isn't there is left out.
pub(super) fn transferred(transfers: &[TransferEnvVar], pod: &Pod<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    for transfer in transfers {
        let Some(source) = source(transfer, pod) else {
            continue;
        };
        let names: BTreeSet<&str> = transfer
            .env_names
            .iter()
            .chain([&transfer.env_name])
            .map(String::as_str)
            .collect();
        found.extend(names.into_iter().filter_map(|name| of_name(source, name)));
    }
    found
}

/// The variable of this name in a container. Of several with one name the last counts, as in the container itself.
pub(super) fn of_name(container: &Value, name: &str) -> Option<Value> {
    let mut env = elements(container, "env").iter().rev();
    env.find(|env| !name.is_empty() && text(env, "name") == name)
        .cloned()
}

/// The container's own variables with the mark of injected containers, and with those others whose names are free.
pub(super) fn with_others(mut own: Vec<Value>, others: Vec<Value>) -> Vec<Value> {
    own.push(json!({ "name": IS_INJECTED, "value": "true" }));
    super::list::with_missing(&own, others)
}

/// The container that variables are copied from.
fn source<'a>(transfer: &TransferEnvVar, pod: &Pod<'a>) -> Option<&'a Value> {
    let field = transfer.source_container_name_from.as_ref();
    let name = match field.and_then(|source| source.field_ref.as_ref()) {
        Some(field) => of_field(pod, &field.field_path)?,
        None => &transfer.source_container_name,
    };
    let mut containers = pod.containers().iter();
    containers.find(|container| !name.is_empty() && text(container, "name") == name)
}

/// The value of a label or an annotation. None of any other field.
fn of_field<'p>(pod: &'p Pod<'_>, path: &str) -> Option<&'p str> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    match map {
        "metadata.labels" => pod.label(key),
        "metadata.annotations" => pod.annotation(key),
        _ => None,
    }
}

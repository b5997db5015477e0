//! The patch that takes pods from one template's metadata to another's (IP-10).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::json::go_json;

/// Strategic merge patch from one template's metadata to another's, as far as pods take it over. `is_read`
/// is asked with `labels` or `annotations`, and a key. A label or annotation for which it holds is left
/// out: it reaches the pod together with the containers that read it.
pub(super) fn patch(old: &Value, new: &Value, is_read: impl Fn(&str, &str) -> bool) -> Value {
    let mut patch = Map::new();
    for field in ["labels", "annotations"] {
        let entries = |metadata: &Value| -> Map<String, Value> {
            let entries = metadata.get(field).and_then(Value::as_object);
            entries
                .into_iter()
                .flatten()
                .filter(|(key, _)| !is_read(field, key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let (old, new) = (entries(old), entries(new));
        let mut changes = Map::new();
        for (key, value) in &new {
            if old.get(key) != Some(value) {
                changes.insert(key.clone(), value.clone());
            }
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            changes.insert(key.clone(), Value::Null);
        }
        if !changes.is_empty() {
            patch.insert(field.to_owned(), Value::Object(changes));
        }
    }
    let (old, new) = (finalizers(old), finalizers(new));
    let mut list = |key: &str, names: Vec<&&str>| {
        if !names.is_empty() {
            patch.insert(key.to_owned(), json!(names));
        }
    };
    list("finalizers", new.difference(&old).collect());
    list(
        "$deleteFromPrimitiveList/finalizers",
        old.difference(&new).collect(),
    );
    Value::Object(patch)
}

fn finalizers(metadata: &Value) -> BTreeSet<&str> {
    let names = metadata.get("finalizers").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The bytes of a patch of the pod that has this patch of metadata.
pub(super) fn bytes(patch: &Value) -> Vec<u8> {
    let pod = match patch.as_object() {
        Some(members) if members.is_empty() => json!({}),
        _ => json!({ "metadata": patch }),
    };
    go_json(&pod).into_bytes()
}

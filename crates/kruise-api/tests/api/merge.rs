//! Strategic merge as the API server applies it to pods, as far as our patches use it: maps are merged,
//! null takes away, lists with a merge key are merged by it, finalizers as a set.

use serde_json::{Map, Value};

/// The object after the patch.
pub(crate) fn merged(object: &Value, patch: &Value) -> Value {
    let mut object = object.clone();
    merge(&mut object, patch);
    object
}

fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let members = object.as_object_mut().unwrap();
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let Some(items) = members.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !value.as_array().unwrap().contains(item));
            }
        } else if value.is_null() {
            members.remove(key);
        } else if key == "finalizers" {
            let items = members
                .entry(key)
                .or_insert_with(|| Value::Array(Vec::new()));
            let items = items.as_array_mut().unwrap();
            for item in value.as_array().unwrap() {
                if !items.contains(item) {
                    items.push(item.clone());
                }
            }
        } else if let (Some(merge_key), Value::Array(elements)) = (merge_key(key), value) {
            let items = members
                .entry(key)
                .or_insert_with(|| Value::Array(Vec::new()));
            merge_list(items.as_array_mut().unwrap(), elements, merge_key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "containerStatuses" | "env" => Some("name"),
        "conditions" => Some("type"),
        "readinessGates" => Some("conditionType"),
        _ => None,
    }
}

fn merge_list(items: &mut Vec<Value>, patch: &[Value], key: &str) {
    for element in patch {
        match items.iter_mut().find(|item| item[key] == element[key]) {
            Some(item) => merge(item, element),
            None => {
                let mut item = Value::Null;
                merge(&mut item, element);
                items.push(item);
            }
        }
    }
}

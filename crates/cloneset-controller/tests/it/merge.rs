//! Strategic merge as the API server does it, as far as our patches need it.

use serde_json::Value;

/// Fields whose lists are merged by a key.
fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers" => Some("name"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        "readinessGates" => Some("conditionType"),
        _ => None,
    }
}

pub(crate) fn strategic(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let fields = target.as_object_mut().unwrap();
    for (name, new) in patch {
        match (new, merge_key(name)) {
            (Value::Null, _) => {
                fields.remove(name);
            }
            (Value::Array(items), Some(key)) => {
                let list = fields
                    .entry(name)
                    .or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list.as_array_mut().unwrap(), items, key);
            }
            (Value::Array(items), _) if name == "finalizers" => {
                let list = fields
                    .entry(name)
                    .or_insert_with(|| Value::Array(Vec::new()))
                    .as_array_mut()
                    .unwrap();
                for item in items {
                    if !list.contains(item) {
                        list.push(item.clone());
                    }
                }
            }
            (Value::Object(_), _) => strategic(fields.entry(name).or_insert(Value::Null), new),
            _ => {
                fields.insert(name.clone(), new.clone());
            }
        }
    }
}

fn merge_list(list: &mut Vec<Value>, items: &[Value], key: &str) {
    for item in items {
        if item["$patch"] == "delete" {
            list.retain(|present| present[key] != item[key]);
            continue;
        }
        match list.iter_mut().find(|present| present[key] == item[key]) {
            Some(present) => strategic(present, item),
            None => list.push(item.clone()),
        }
    }
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let fields = target.as_object_mut().unwrap();
    for (name, new) in patch {
        if new.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), new);
        }
    }
}

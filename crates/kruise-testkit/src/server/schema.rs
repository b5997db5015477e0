//! Structural schemas of custom kinds: what they drop, fill in and refuse. Rules in CEL aren't read.

use serde_json::{Map, Value};

use super::fields::FieldError;

fn members(schema: &Value) -> Option<&Map<String, Value>> {
    schema["properties"].as_object()
}

fn is_set(schema: &Value, name: &str) -> bool {
    schema[name] == true
}

/// Drops members that the schema doesn't know.
pub(crate) fn drop_unknown(schema: &Value, object: &mut Value) {
    drop_in(schema, object, true);
}

fn drop_in(schema: &Value, value: &mut Value, is_root: bool) {
    match value {
        Value::Object(object) => {
            let is_object = is_root || is_set(schema, "x-kubernetes-embedded-resource");
            let keeps = is_set(schema, "x-kubernetes-preserve-unknown-fields");
            let known = members(schema);
            let more = &schema["additionalProperties"];
            object.retain(|name, value| {
                if is_object && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
                    return true;
                }
                match known.and_then(|known| known.get(name)) {
                    Some(schema) => {
                        drop_in(schema, value, false);
                        true
                    }
                    None if more.is_object() => {
                        drop_in(more, value, false);
                        true
                    }
                    None => keeps || more == true,
                }
            });
        }
        // Of a list whose items have no schema nothing is dropped.
        Value::Array(items) if schema["items"].is_object() => {
            for item in items {
                drop_in(&schema["items"], item, false);
            }
        }
        _ => {}
    }
}

/// Fills in defaults. A null where the schema allows none counts as absent if there is a default.
pub(crate) fn fill_in(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, schema) in members(schema).into_iter().flatten() {
                let missing = object
                    .get(name)
                    .is_none_or(|value| value.is_null() && !is_set(schema, "nullable"));
                if let Some(default) = schema.get("default").filter(|_| missing) {
                    object.insert(name.clone(), default.clone());
                }
                if let Some(value) = object.get_mut(name) {
                    fill_in(schema, value);
                }
            }
            let more = &schema["additionalProperties"];
            if more.is_object() {
                let known = members(schema);
                for (name, value) in object.iter_mut() {
                    if known.is_none_or(|known| !known.contains_key(name)) {
                        fill_in(more, value);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill_in(&schema["items"], item);
            }
        }
        _ => {}
    }
}

/// What is wrong with the object. What an update leaves as it was counts as right.
pub(crate) fn check(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = vec![];
    check_in(schema, object, old, "", &mut errors);
    errors
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn check_in(
    schema: &Value,
    value: &Value,
    old: Option<&Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if old == Some(value) && !path.is_empty() {
        return;
    }
    if value.is_null() && is_set(schema, "nullable") {
        return;
    }
    if !has_type(schema, value) {
        errors.push(wrong_type(schema, value, path));
        return;
    }
    check_limits(schema, value, path, errors);
    match value {
        Value::Object(object) => {
            let known = members(schema);
            let more = &schema["additionalProperties"];
            for (name, value) in object {
                if path.is_empty() && name == "metadata" {
                    continue;
                }
                let schema = match known.and_then(|known| known.get(name)) {
                    Some(schema) => schema,
                    None if more.is_object() => more,
                    None => continue,
                };
                let old = old.and_then(|old| old.get(name));
                check_in(schema, value, old, &child(path, name), errors);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                if !object.contains_key(name) {
                    errors.push(FieldError::required(&child(path, name), ""));
                }
            }
        }
        Value::Array(items) => {
            check_list(schema, items, path, errors);
            for (index, item) in items.iter().enumerate() {
                let old = old.and_then(|old| old.get(index));
                check_in(
                    &schema["items"],
                    item,
                    old,
                    &format!("{path}[{index}]"),
                    errors,
                );
            }
        }
        _ => {}
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    if is_set(schema, "x-kubernetes-int-or-string") {
        return value.is_string() || is_integer(value);
    }
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => is_integer(value),
        Some("number") => value.is_number(),
        _ => true,
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(schema: &Value, value: &Value, path: &str) -> FieldError {
    let shown = Value::from(type_name(value));
    let expected = if is_set(schema, "x-kubernetes-int-or-string") {
        "integer,string"
    } else {
        schema["type"].as_str().unwrap_or_default()
    };
    let said = if path.is_empty() { "<nil>" } else { path };
    let detail = format!("{said} in body must be of type {expected}: {shown}");
    FieldError::wrong_type(path, &shown, &detail)
}

fn check_limits(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        errors.push(FieldError::not_supported(path, value, &allowed));
    }
    if let (Some(number), Some(least)) = (value.as_f64(), schema["minimum"].as_f64())
        && number < least
    {
        let detail = format!("{path} in body should be greater than or equal to {least}");
        errors.push(FieldError::invalid(path, value, &detail));
    }
    if let (Some(number), Some(most)) = (value.as_f64(), schema["maximum"].as_f64())
        && number > most
    {
        let detail = format!("{path} in body should be less than or equal to {most}");
        errors.push(FieldError::invalid(path, value, &detail));
    }
    if let Some(number) = value.as_i64()
        && schema["format"] == "int32"
        && i32::try_from(number).is_err()
    {
        let detail = format!(
            "{path} in body must be of type int32: {:?}",
            number.to_string()
        );
        errors.push(FieldError::invalid(path, value, &detail));
    }
    if let (Some(text), Some(least)) = (value.as_str(), schema["minLength"].as_u64())
        && (text.chars().count() as u64) < least
    {
        let detail = format!("{path} in body should be at least {least} chars long");
        errors.push(FieldError::invalid(path, value, &detail));
    }
}

fn check_list(schema: &Value, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let key = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => Some(item.clone()),
        Some("map") => {
            let keys = schema["x-kubernetes-list-map-keys"].as_array()?;
            let members = keys.iter().filter_map(Value::as_str);
            let key = members.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
            Some(Value::Object(key.collect()))
        }
        _ => None,
    };
    let mut seen = vec![];
    for (index, item) in items.iter().enumerate() {
        let Some(key) = key(item) else {
            return;
        };
        if seen.contains(&key) {
            errors.push(FieldError::duplicate(&format!("{path}[{index}]"), &key));
        } else {
            seen.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_members_go_and_defaults_come() {
        let schema = json!({ "type": "object", "properties": {
            "spec": { "type": "object", "properties": {
                "replicas": { "type": "integer", "default": 1 },
                "template": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                "items": { "type": "array", "items": { "type": "object", "properties": { "a": {} } } },
            } },
        } });
        let mut object = json!({
            "apiVersion": "v1", "kind": "A", "metadata": { "name": "a" }, "other": 1,
            "spec": {
                "unknown": 1, "template": { "any": { "thing": 1 } }, "labels": { "x": "y" },
                "items": [{ "a": 1, "b": 2 }],
            },
        });
        drop_unknown(&schema, &mut object);
        fill_in(&schema, &mut object);
        let expected = json!({
            "apiVersion": "v1", "kind": "A", "metadata": { "name": "a" },
            "spec": {
                "template": { "any": { "thing": 1 } }, "labels": { "x": "y" }, "items": [{ "a": 1 }], "replicas": 1,
            },
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn what_is_wrong_is_told_in_the_servers_words() {
        let schema = json!({ "type": "object", "properties": { "spec": {
            "type": "object", "required": ["selector"], "properties": {
                "replicas": { "type": "integer", "format": "int32", "minimum": 0 },
                "maxSurge": { "x-kubernetes-int-or-string": true },
            },
        } } });
        let object = json!({ "spec": { "replicas": -1, "maxSurge": true } });
        let texts: Vec<_> = check(&schema, &object, None)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
                "spec.maxSurge: Invalid value: \"boolean\": spec.maxSurge in body must be of type integer,string: \"boolean\"",
                "spec.selector: Required value",
            ]
        );
        // What was wrong before may stay.
        let old = json!({ "spec": { "replicas": -1, "maxSurge": true, "selector": 1 } });
        let same = json!({ "spec": { "replicas": -1, "maxSurge": true, "selector": 2 } });
        assert_eq!(check(&schema, &same, Some(&old)), []);
    }
}

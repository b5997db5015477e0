//! What all objects have: how it is read, kept and judged.

use serde_json::{Map, Value, json};

use super::{
    fields::FieldError,
    names::{self, NameRule},
    status::Status,
};
use crate::clock::clock_text;

/// Members of metadata that the server knows, and in what form.
const TEXTS: [&str; 7] = [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
];
const NUMBERS: [&str; 2] = ["generation", "deletionGracePeriodSeconds"];
const MAPS: [&str; 2] = ["labels", "annotations"];
const OWNER_TEXTS: [&str; 4] = ["apiVersion", "kind", "name", "uid"];
const OWNER_FLAGS: [&str; 2] = ["controller", "blockOwnerDeletion"];

/// Text in the metadata; empty when it isn't there.
pub(crate) fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object["metadata"][member].as_str().unwrap_or_default()
}

pub(crate) fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or(0)
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

/// Seconds until an object that is being deleted goes by force.
pub(crate) fn grace(object: &Value) -> Option<i64> {
    object["metadata"]["deletionGracePeriodSeconds"].as_i64()
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object["metadata"]["finalizers"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The metadata, to be changed.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    match &mut object["metadata"] {
        Value::Object(metadata) => metadata,
        _ => unreachable!("made above"),
    }
}

/// Sets a member, or takes it away.
pub(crate) fn set(object: &mut Value, member: &str, value: Option<Value>) {
    let metadata = of(object);
    match value {
        Some(value) => metadata.insert(member.to_owned(), value),
        None => metadata.shift_remove(member),
    };
}

/// Brings the metadata of an object into the form in which the server keeps it. Says what can't be read.
pub(crate) fn read(object: &mut Value) -> Result<(), String> {
    let Some(members) = object.as_object_mut() else {
        return Err("it is no object".to_owned());
    };
    let given = match members.get_mut("metadata").map(Value::take) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(given)) => given,
        Some(_) => return Err(unreadable("metadata", "ObjectMeta")),
    };
    members.insert("metadata".to_owned(), read_members(given)?.into());
    Ok(())
}

/// Metadata without what the server doesn't know, and without what is empty.
pub(crate) fn read_members(given: Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut metadata = Map::new();
    for (name, mut value) in given {
        let known = name.as_str();
        let kept = match &mut value {
            Value::Null => continue,
            Value::String(text) if known.ends_with("Timestamp") => match text.parse() {
                Ok(time) => {
                    *text = clock_text(time);
                    Some(true)
                }
                Err(_) => None,
            },
            value if TEXTS.contains(&known) => value.as_str().map(|text| !text.is_empty()),
            value if NUMBERS.contains(&known) => value.as_i64().map(|number| {
                // No generation and generation 0 are the same, but a grace period of 0 is one.
                number != 0 || known != "generation"
            }),
            value if MAPS.contains(&known) => value.as_object().and_then(|map| {
                let texts = map
                    .values()
                    .all(|value| value.is_string() || value.is_null());
                texts.then_some(!map.is_empty())
            }),
            value if known == "finalizers" => value.as_array().and_then(|list| {
                list.iter()
                    .all(Value::is_string)
                    .then_some(!list.is_empty())
            }),
            value if known == "ownerReferences" => value.as_array().and_then(|list| {
                list.iter()
                    .all(Value::is_object)
                    .then_some(!list.is_empty())
            }),
            _ => Some(false),
        };
        match kept {
            None => return Err(wrong_member(known, &value)),
            Some(false) => {}
            Some(true) => {
                metadata.insert(name, value);
            }
        }
    }
    for map in MAPS {
        let texts = metadata.get_mut(map).and_then(Value::as_object_mut);
        for value in texts.into_iter().flat_map(Map::values_mut) {
            if value.is_null() {
                *value = "".into();
            }
        }
    }
    if let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences") {
        read_owners(owners)?;
    }
    Ok(metadata)
}

fn wrong_member(name: &str, value: &Value) -> String {
    let given = |value: &Value| match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) | Value::Null => "object",
    };
    let inside = match value {
        Value::Object(members) => members
            .values()
            .find(|value| !value.is_string() && !value.is_null()),
        Value::Array(items) => items.first(),
        _ => None,
    };
    let (given, wanted) = match inside {
        Some(inside) => (given(inside), "string"),
        None if MAPS.contains(&name) => (given(value), "map[string]string"),
        None if NUMBERS.contains(&name) => (given(value), "int64"),
        None => (given(value), "string"),
    };
    format!(
        "json: cannot unmarshal {given} into Go struct field ObjectMeta.metadata.{name} of type {wanted}"
    )
}

fn unreadable(field: &str, of: &str) -> String {
    format!("json: cannot unmarshal {field} into Go struct field of {of}")
}

fn read_owners(owners: &mut Vec<Value>) -> Result<(), String> {
    let mut kept: Vec<Value> = vec![];
    for owner in std::mem::take(owners) {
        let mut read = Map::new();
        for name in OWNER_TEXTS {
            let value = owner.get(name).cloned().unwrap_or_default();
            let value = if value.is_null() { "".into() } else { value };
            if !value.is_string() {
                return Err(unreadable(name, "OwnerReference"));
            }
            read.insert(name.to_owned(), value);
        }
        for name in OWNER_FLAGS {
            match owner.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::Bool(flag)) => {
                    read.insert(name.to_owned(), (*flag).into());
                }
                Some(_) => return Err(unreadable(name, "OwnerReference")),
            }
        }
        let read = Value::from(read);
        // The server drops what is there twice.
        if !kept.contains(&read) {
            kept.push(read);
        }
    }
    *owners = kept;
    Ok(())
}

/// The namespace that the request names goes into the object.
pub(crate) fn fit_namespace(object: &mut Value, namespace: &str) -> Result<(), Status> {
    let own = text(object, "namespace");
    if own == namespace {
        return Ok(());
    }
    if own.is_empty() || namespace.is_empty() {
        let value = (!namespace.is_empty()).then(|| namespace.into());
        set(object, "namespace", value);
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// What is wrong with the metadata of any object.
pub(crate) fn check(object: &Value, namespaced: bool, rule: NameRule) -> Vec<FieldError> {
    let mut errors = vec![];
    let (name, prefix) = (text(object, "name"), text(object, "generateName"));
    if !prefix.is_empty() {
        for wrong in rule.check(prefix, true) {
            errors.push(FieldError::invalid(
                "metadata.generateName",
                &prefix.into(),
                &wrong,
            ));
        }
    }
    if name.is_empty() {
        let detail = "name or generateName is required";
        errors.push(FieldError::required("metadata.name", detail));
    } else {
        for wrong in rule.check(name, false) {
            errors.push(FieldError::invalid("metadata.name", &name.into(), &wrong));
        }
    }
    if namespaced {
        let namespace = text(object, "namespace");
        if namespace.is_empty() {
            errors.push(FieldError::required("metadata.namespace", ""));
        } else {
            for wrong in names::label(namespace) {
                errors.push(FieldError::invalid(
                    "metadata.namespace",
                    &namespace.into(),
                    &wrong,
                ));
            }
        }
    }
    check_maps(object, "metadata", &mut errors);
    check_owners(object, &mut errors);
    check_finalizers(object, &mut errors);
    errors
}

/// Labels and annotations, of objects and of templates.
pub(crate) fn check_maps(owner: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let metadata = &owner["metadata"];
    let field = format!("{path}.labels");
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        for wrong in names::qualified(key) {
            errors.push(FieldError::invalid(&field, &key.as_str().into(), &wrong));
        }
        for wrong in names::label_value(value.as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid(&field, value, &wrong));
        }
    }
    let field = format!("{path}.annotations");
    let mut size = 0;
    for (key, value) in metadata["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        for wrong in names::qualified(&key.to_lowercase()) {
            errors.push(FieldError::invalid(&field, &key.as_str().into(), &wrong));
        }
    }
    const MOST: usize = 256 << 10;
    if size > MOST {
        errors.push(FieldError::too_long(&field, MOST));
    }
}

fn check_owners(object: &Value, errors: &mut Vec<FieldError>) {
    let owners = object["metadata"]["ownerReferences"].as_array();
    let mut controller: Option<String> = None;
    for owner in owners.into_iter().flatten() {
        for (member, detail) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner[member] == "" {
                let field = format!("metadata.ownerReferences.{member}");
                errors.push(FieldError::invalid(&field, &"".into(), detail));
            }
        }
        if owner["apiVersion"] == "v1" && owner["kind"] == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(
                "metadata.ownerReferences",
                owner,
                detail,
            ));
        }
        if owner["controller"] == true {
            let text = |member: &str| owner[member].as_str().unwrap_or_default();
            let this = format!("{}/{}", text("kind"), text("name"));
            if let Some(first) = &controller {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                let all = &object["metadata"]["ownerReferences"];
                errors.push(FieldError::invalid(
                    "metadata.ownerReferences",
                    all,
                    &detail,
                ));
            } else {
                controller = Some(this);
            }
        }
    }
}

fn check_finalizers(object: &Value, errors: &mut Vec<FieldError>) {
    let field = "metadata.finalizers";
    let all = finalizers(object);
    for finalizer in &all {
        for wrong in names::qualified(finalizer) {
            errors.push(FieldError::invalid(field, &(*finalizer).into(), &wrong));
        }
    }
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(
            field,
            &object["metadata"]["finalizers"],
            detail,
        ));
    }
}

/// What an update may not change.
pub(crate) fn check_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    if is_terminating(old) {
        let before = finalizers(old);
        let mut added = finalizers(new);
        added.retain(|finalizer| !before.contains(finalizer));
        added.sort_unstable();
        added.dedup();
        if !added.is_empty() {
            let added: Vec<_> = added.iter().map(|name| format!("{name:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", &detail));
        }
    }
    for member in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        let (is, was) = (&new["metadata"][member], &old["metadata"][member]);
        if is != was {
            let field = format!("metadata.{member}");
            let shown = match is {
                Value::Null if member.starts_with("deletion") => &Value::Null,
                Value::Null => &Value::String(String::new()),
                value => value,
            };
            errors.push(FieldError::invalid(&field, shown, "field is immutable"));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_kept_without_what_is_empty_or_unknown() {
        let owner =
            json!({ "apiVersion": "v1", "kind": "A", "name": "a", "uid": "u", "controller": true });
        let mut object = json!({ "metadata": {
            "name": "a", "labels": {}, "annotations": { "a": null }, "selfLink": "/a", "other": 1,
            "managedFields": [{}], "generation": 0, "deletionGracePeriodSeconds": 0,
            "ownerReferences": [owner, owner],
        } });
        read(&mut object).unwrap();
        let expected = json!({ "metadata": {
            "name": "a", "annotations": { "a": "" }, "deletionGracePeriodSeconds": 0, "ownerReferences": [owner],
        } });
        assert_eq!(object, expected);
        assert!(read(&mut json!({ "metadata": { "labels": { "a": 1 } } })).is_err());
    }

    #[test]
    fn an_update_keeps_what_identifies_the_object() {
        let old = json!({ "metadata": { "name": "a", "uid": "u", "finalizers": ["x/a"], "deletionTimestamp": "t" } });
        let mut new = old.clone();
        assert_eq!(check_update(&new, &old), []);
        new["metadata"]["uid"] = "other".into();
        new["metadata"]["finalizers"] = json!(["x/a", "x/b"]);
        let texts: Vec<_> = check_update(&new, &old)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found \
             new finalizers []string{\"x/b\"}",
                "metadata.uid: Invalid value: \"other\": field is immutable",
            ]
        );
    }
}

//! What a patch brings that is not merged with anything.

use serde_json::{Map, Value};

use super::directives::{PATCH, is_directive};

/// What is added where the original has nothing. None when it is left out.
pub(super) fn added(value: &Value) -> Option<Value> {
    // Nulls go first: a directive that is null is none.
    without_directed(&without_nulls(value))
}

/// Without the objects that have a `$patch`. None when it is one itself.
pub(super) fn without_directed(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(PATCH) => None,
        Value::Object(members) => Some(Value::Object(
            members
                .iter()
                .filter(|(name, _)| !is_directive(name))
                .filter_map(|(name, value)| Some((name.clone(), without_directed(value)?)))
                .collect(),
        )),
        Value::Array(elements) => Some(elements.iter().filter_map(without_directed).collect()),
        scalar => Some(scalar.clone()),
    }
}

/// What replaces something as a whole, or is a new element. Its nulls stay, and are for decoding to read:
/// as nothing in an object, as an empty text in a map of texts.
pub(super) fn replacing(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(replacing_members(members)),
        Value::Array(elements) => elements.iter().map(replacing).collect(),
        scalar => scalar.clone(),
    }
}

/// The same for the members of an object.
pub(super) fn replacing_members(members: &Map<String, Value>) -> Map<String, Value> {
    members
        .iter()
        .filter(|(name, _)| !is_directive(name))
        .map(|(name, value)| (name.clone(), replacing(value)))
        .collect()
}

/// Without the members of objects that are null.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

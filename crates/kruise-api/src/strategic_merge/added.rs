//! Values of a patch that are not merged with anything.

use serde_json::{Map, Value};

use super::directives::{PATCH, is_directive};

/// What a value of the patch adds where the original has nothing. None when it adds nothing.
pub(super) fn added(value: &Value) -> Option<Value> {
    // Nulls are taken away first: a directive that is null is no directive.
    without_directed(&without_nulls(value))
}

/// The value without objects that have a `$patch`. None when the value is such an object itself.
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

/// A value of the patch that replaces something as a whole, or is a new element. Its nulls stay for
/// decoding to read: in an object as an absent member, in a map of texts as an empty text.
pub(super) fn replacing(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(replacing_members(members)),
        Value::Array(elements) => elements.iter().map(replacing).collect(),
        scalar => scalar.clone(),
    }
}

/// As [`replacing`], for the members of an object.
pub(super) fn replacing_members(members: &Map<String, Value>) -> Map<String, Value> {
    members
        .iter()
        .filter(|(name, _)| !is_directive(name))
        .map(|(name, value)| (name.clone(), replacing(value)))
        .collect()
}

/// The value without members of objects that are null.
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

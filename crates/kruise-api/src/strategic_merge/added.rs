//! What a patch brings that is not merged with anything.

use serde_json::{Map, Value};

use super::directives::{PATCH, is_directive};

/// What is added where the original has nothing. None when it is left out.
pub(super) fn added(value: &Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(PATCH) => None,
        Value::Object(members) => Some(Value::Object(
            members
                .iter()
                .filter(|(name, value)| !value.is_null() && !is_directive(name))
                .filter_map(|(name, value)| Some((name.clone(), added(value)?)))
                .collect(),
        )),
        Value::Array(elements) => Some(elements.iter().filter_map(added).collect()),
        scalar => Some(scalar.clone()),
    }
}

/// What replaces something of the original as a whole.
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
        .filter(|(name, value)| !value.is_null() && !is_directive(name))
        .map(|(name, value)| (name.clone(), replacing(value)))
        .collect()
}

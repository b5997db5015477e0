//! What is left out of the comparison, besides what two servers can't have in common: all of it is here.

use serde_json::Value;

use crate::kinds::CUSTOM_GROUP;

/// What a rule in CEL says that wasn't read.
const UNREAD: &str = "some validation rules were not checked";

/// Shortens the reason why an object is refused, where a real server tells what the test kit's can't know.
pub(crate) fn shorten_refusal(status: &mut Value) {
    let group = status["details"]["group"].clone();
    let mut told: Vec<Value> = Vec::new();
    if let Some(Value::Array(causes)) = status["details"].get_mut("causes") {
        causes.iter_mut().for_each(shorten);
        // Some metadata are judged twice, and rules in CEL say that they couldn't be read.
        for cause in std::mem::take(causes) {
            let is_unread = cause["message"]
                .as_str()
                .is_some_and(|why| why.contains(UNREAD));
            if !is_unread && !told.contains(&cause) {
                told.push(cause);
            }
        }
        causes.clone_from(&told);
    }
    if group == CUSTOM_GROUP {
        // It names places in brackets when there are several.
        status["message"].take();
    }
    if group == CUSTOM_GROUP {
        // Rules in CEL have their say after the schema: that the first place is the same is enough.
        let of_metadata = |cause: &Value| {
            let field = cause["field"].as_str().unwrap_or_default();
            field.starts_with("metadata")
        };
        let first = told.iter().find(|cause| !of_metadata(cause));
        let first = first.and_then(|cause| cause["field"].as_str());
        let first = first.map(|field| Value::from(field.trim_start_matches('.')));
        let mut kept: Vec<Value> = told
            .iter()
            .filter(|cause| of_metadata(cause))
            .cloned()
            .collect();
        kept.extend(first);
        status["details"]["causes"] = kept.into();
        return;
    }
    shorten(status);
}

/// Cuts off a message where it shows on further lines what differs between two specs, or quotes a whole object.
fn shorten(body: &mut Value) {
    if let Some(Value::String(message)) = body.get_mut("message") {
        for end in [
            "\n",
            "Invalid value: \"{",
            "Invalid value: {",
            "Invalid value: \"map[",
        ] {
            if let Some((first, _)) = message.split_once(end) {
                *message = first.to_owned();
            }
        }
        // What follows on further lines may be before the end of a list.
        *message = message.trim_end_matches(']').to_owned();
    }
}

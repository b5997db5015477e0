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
    let first = told.first().and_then(|cause| cause["field"].as_str());
    if group == CUSTOM_GROUP
        && let Some(first) = first
        && !first.starts_with("metadata")
    {
        // Rules in CEL have their say after the schema: that the first place is the same is enough.
        status["details"]["causes"] = Value::String(first.trim_start_matches('.').to_owned());
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

//! What is left out of the comparison, besides what two servers can't have in common: all of it is here.

use serde_json::Value;

use crate::kinds::CUSTOM_GROUP;

/// Shortens the reason why an object is refused, where a real server tells what the test kit's can't know.
pub(crate) fn shorten_refusal(status: &mut Value) {
    let causes = status["details"]
        .get_mut("causes")
        .and_then(Value::as_array_mut);
    let mut causes: Vec<&mut Value> = causes.into_iter().flatten().collect();
    for cause in &mut causes {
        shorten(cause);
    }
    let fields: Vec<String> = causes
        .iter()
        .map(|cause| cause["field"].as_str().unwrap_or_default().to_owned())
        .collect();
    if status["details"]["group"] == CUSTOM_GROUP
        && let Some(first) = fields.first()
        && !first.starts_with("metadata")
    {
        // Rules in CEL have their say after the schema: that the first place is the same is enough.
        status["details"]["causes"] = Value::String(first.clone());
        status["message"].take();
        return;
    }
    shorten(status);
}

/// Cuts off a message where it shows on further lines what differs between two specs, or quotes a whole object.
fn shorten(body: &mut Value) {
    if let Some(Value::String(message)) = body.get_mut("message") {
        for end in ["\n", "Invalid value: \"{", "Invalid value: {"] {
            if let Some((first, _)) = message.split_once(end) {
                *message = first.to_owned();
            }
        }
    }
}

//! What is left out of the comparison, besides what two servers can't have in common: all of it is here.

use serde_json::{Map, Value};

use crate::kinds::CUSTOM_GROUP;

/// Takes out of an object, a list or an event of a watch what no reader of Kubernetes' own types can tell: whether a
/// member is empty or missing. A real server writes such types anew from its own, the test kit's leaves what was sent.
/// Metadata is compared as it is, and so are data that no type describes, and custom kinds.
pub(crate) fn remove_empty(answer: &mut Value) {
    let Value::Object(fields) = answer else {
        return;
    };
    if let Some(event) = fields.get_mut("object") {
        remove_empty(event);
        return;
    }
    let is = |name: &str, wanted: &str| fields.get(name).is_some_and(|it| it == wanted);
    let custom = fields
        .get("apiVersion")
        .and_then(Value::as_str)
        .is_some_and(|version| version.starts_with(CUSTOM_GROUP));
    if custom || is("kind", "Status") {
        return;
    }
    match fields.get_mut("items") {
        Some(Value::Array(items)) => {
            for item in items {
                if let Value::Object(item) = item {
                    of_object(item);
                }
            }
        }
        _ => of_object(fields),
    }
}

fn of_object(object: &mut Map<String, Value>) {
    for (name, value) in object.iter_mut() {
        if !matches!(name.as_str(), "metadata" | "data") {
            within(value);
        }
    }
    object.retain(|name, value| name == "metadata" || !is_empty(value));
}

fn within(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(within);
            fields.retain(|_, value| !is_empty(value));
        }
        Value::Array(items) => items.iter_mut().for_each(within),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_empty_goes_but_not_from_metadata_and_data() {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "labels": {} },
            "spec": { "volumes": [{ "emptyDir": {} }], "hostname": "" }, "data": { "a": "" }, "status": {},
        });
        remove_empty(&mut pod);
        assert_eq!(
            pod,
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "labels": {} }, "spec": { "volumes": [{}] },
                "data": { "a": "" } })
        );
    }

    #[test]
    fn custom_objects_stay_as_they_are() {
        let set = json!({ "apiVersion": "conformance.kruise.io/v1beta1", "spec": { "x": {} } });
        let mut same = set.clone();
        remove_empty(&mut same);
        assert_eq!(same, set);
    }
}

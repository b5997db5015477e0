//! What is left out of the comparison, besides what two servers can't have in common: all of it is here.

use serde_json::Value;

use crate::kinds::CUSTOM_GROUP;

/// What the real server's bookkeeping of fields keeps a client for, although the server keeps the old value: whoever
/// sends it owns it from then on, and that makes a version in which nothing else is new. The test kit keeps no such book.
/// The same happens where a field is written through a subresource, and with custom kinds, where managed fields name
/// the version of the kind.
pub(crate) const OWNED_AND_KEPT: &str = "deletionTimestamp";

/// Whether pod garbage collection has let this pod fail. It comes every 20 seconds, in whatever a sequence is doing then,
/// and ends pods that should go and have no node. Nothing tells when; so the sequence is played again.
pub(crate) fn is_of_pod_gc(pod: &Value) -> bool {
    let fields = pod["metadata"]["managedFields"].as_array();
    fields.into_iter().flatten().any(|entry| {
        entry["manager"] == "kube-controller-manager" && entry["subresource"] == "status"
    })
}

/// Whether a watch hears that its version is forgotten. A real server keeps as many changes as it likes, of all namespaces
/// together; so the sequence is played again. What differs each time is reported all the same.
pub(crate) fn is_forgotten(event: &Value) -> bool {
    event["type"] == "ERROR" && event["object"]["reason"] == "Expired"
}

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

/// Takes out of a message the lines that show what differs between two specs, and cuts it off where it quotes a whole
/// object.
fn shorten(body: &mut Value) {
    if let Some(Value::String(message)) = body.get_mut("message") {
        *message = without_diff(message);
        for end in [
            "Invalid value: \"{",
            "Invalid value: {",
            "Invalid value: \"map[",
        ] {
            if let Some((first, _)) = message.split_once(end) {
                *message = first.to_owned();
            }
        }
        // What was cut off may be before the end of a list.
        *message = message.trim_end_matches(']').to_owned();
    }
}

fn without_diff(message: &str) -> String {
    let is_of_diff = |line: &&str| line.is_empty() || line.starts_with(['@', ' ', '+', '-']);
    let mut lines = message.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines
        .filter(|line| !is_of_diff(line))
        .fold(first, |kept, line| kept + line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_goes_and_what_is_told_after_it_stays() {
        let message = "a is invalid: [spec: Forbidden: no\n@@ -1,2 +1,2 @@\n-  x\n+  y\n   z\n\n, mode: Invalid]";
        assert_eq!(
            without_diff(message),
            "a is invalid: [spec: Forbidden: no, mode: Invalid]"
        );
    }
}

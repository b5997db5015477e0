//! Patches of the three kinds.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::strategic_merge::{self, MergeError, Reason, Schema};
use serde_json::{Value, json};

use super::{
    ApiServer, answer::Answer, call::Call, fields::FieldError, metadata, part::Part, rules,
    status::Status, write::check_name,
};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

impl ApiServer {
    pub(super) async fn patch(&self, call: &Call) -> Result<Answer, Status> {
        let content_type = call.content_type.split(';').next().unwrap_or_default();
        let accepted: &[&str] = if call.kind.custom.is_some() {
            &[JSON, MERGE, APPLY]
        } else {
            &[JSON, MERGE, STRATEGIC, APPLY]
        };
        if !accepted.contains(&content_type) {
            return Err(Status::unsupported_media_type(accepted));
        }
        let patch = match &call.body {
            Ok(patch) => patch,
            Err(why) => return Err(Status::bad_request(&format!("error decoding patch: {why}"))),
        };
        if call.subresource == "scale" {
            return self.patch_scale(call, content_type, patch).await;
        }
        let part = Part::of(call)?;
        let is_apply = content_type == APPLY;
        self.change_to(call, part, is_apply, |old| {
            let Some(old) = old else {
                let mut new = patch.clone();
                call.read(&mut new)
                    .map_err(|why| Status::bad_request(&why))?;
                if !metadata::text(&new, "uid").is_empty() {
                    return Err(missing_uid(call, metadata::text(&new, "uid")));
                }
                return Ok(new);
            };
            let mut new = apply(content_type, schema(call), old, patch)?;
            // The server reads what came out of the patch like anything that it is sent.
            call.read(&mut new).map_err(|why| unreadable(&new, &why))?;
            rules::read(&call.kind, call.version, &mut new).map_err(|status| {
                unreadable(&new, status.body["message"].as_str().unwrap_or_default())
            })?;
            metadata::fit_namespace(&mut new, call.namespace())?;
            check_name(&new, call)?;
            Ok(new)
        })
        .await
    }
}

/// The object after the patch.
pub(crate) fn apply(
    content_type: &str,
    schema: Schema,
    old: &Arc<Value>,
    patch: &Value,
) -> Result<Value, Status> {
    match content_type {
        MERGE | APPLY => {
            if !patch.is_object() {
                let message = "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}";
                return Err(Status::bad_request(message));
            }
            let mut new = Value::clone(old);
            json_patch::merge(&mut new, patch);
            Ok(new)
        }
        STRATEGIC => {
            strategic_merge::apply(schema, old, patch).map_err(|error| unmergeable(patch, &error))
        }
        _ => {
            let Some(operations) = patch.as_array() else {
                return Err(Status::bad_request("error decoding patch: it is no list"));
            };
            let mut new = Value::clone(old);
            for operation in operations {
                let operation = serde_json::from_value(operation.clone());
                let operation = operation.map_err(|_| Status::patch_fails())?;
                let operation = json_patch::Patch(vec![as_the_server_reads(operation, &new)]);
                json_patch::patch(&mut new, &operation).map_err(|_| Status::patch_fails())?;
            }
            Ok(new)
        }
    }
}

/// The server's library (evanphx/json-patch, version 4) finds a null where an object lacks a member: it adds what it is
/// asked to replace, and copies a null.
fn as_the_server_reads(
    operation: json_patch::PatchOperation,
    object: &Value,
) -> json_patch::PatchOperation {
    use json_patch::{AddOperation, PatchOperation};
    match operation {
        PatchOperation::Replace(replace) if replace.path.resolve(object).is_err() => {
            PatchOperation::Add(AddOperation {
                path: replace.path,
                value: replace.value,
            })
        }
        PatchOperation::Copy(copy) if lacks_member(object, copy.from.as_str()) => {
            PatchOperation::Add(AddOperation {
                path: copy.path,
                value: Value::Null,
            })
        }
        other => other,
    }
}

/// Whether the pointer leads to an object that lacks its last member.
fn lacks_member(object: &Value, pointer: &str) -> bool {
    let owner = pointer
        .rsplit_once('/')
        .and_then(|(owner, _)| object.pointer(owner));
    owner.is_some_and(Value::is_object) && object.pointer(pointer).is_none()
}

/// Why a strategic patch can't be merged. Only what is wrong with `$retainKeys` is called the client's fault; the rest
/// goes out as it comes from the library (`interpretStrategicMergePatchError`).
fn unmergeable(patch: &Value, error: &MergeError) -> Status {
    let place = patch.pointer(&error.path).unwrap_or(patch);
    match &error.reason {
        Reason::NotRetained => Status::bad_request("invalid patch format of retainKeys"),
        Reason::NotAList if error.path.ends_with("$retainKeys") => {
            Status::bad_request("invalid patch format of retainKeys")
        }
        Reason::NotAnObject if error.path.is_empty() => Status::bad_request(&error.to_string()),
        Reason::NoMergeKey(key) => Status::unknown(&format!(
            "map: {} does not contain declared merge key: {key}",
            as_go_prints(place)
        )),
        Reason::UnknownDirective(word) => Status::unknown(&format!(
            "unknown patch type: {word} in map: {}",
            as_go_prints(place)
        )),
        _ => Status::unknown(&error.to_string()),
    }
}

/// A value in the words of Go's `%v`.
fn as_go_prints(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_go_prints).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let members = sorted.into_iter();
            let members: Vec<_> = members
                .map(|(name, value)| format!("{name}:{}", as_go_prints(value)))
                .collect();
            format!("map[{}]", members.join(" "))
        }
        plain => plain.to_string(),
    }
}

pub(crate) fn schema(call: &Call) -> Schema {
    match call.kind.names() {
        ("", "pods") => Schema::Pod,
        ("", "podtemplates") => Schema::PodTemplate,
        ("", "persistentvolumeclaims") => Schema::PersistentVolumeClaim,
        _ => Schema::Object,
    }
}

/// What came out of a patch isn't an object of the kind.
fn unreadable(patched: &Value, why: &str) -> Status {
    let error = FieldError::invalid("patch", &json!(patched.to_string()), why);
    Status::invalid("", "", "", &[error])
}

fn missing_uid(call: &Call, uid: &str) -> Status {
    let why = format!(
        "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    );
    Status::conflict(&call.kind, call.name(), &why)
}

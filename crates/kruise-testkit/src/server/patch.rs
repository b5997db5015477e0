//! Patches of the three kinds.

use std::sync::Arc;

use kruise_api::strategic_merge::{self, Schema};
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
        STRATEGIC => strategic_merge::apply(schema, old, patch)
            .map_err(|error| Status::bad_request(&error.to_string())),
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

/// The server's library adds what it is asked to replace and can't find.
fn as_the_server_reads(
    operation: json_patch::PatchOperation,
    object: &Value,
) -> json_patch::PatchOperation {
    match operation {
        json_patch::PatchOperation::Replace(replace) if replace.path.resolve(object).is_err() => {
            json_patch::PatchOperation::Add(json_patch::AddOperation {
                path: replace.path,
                value: replace.value,
            })
        }
        other => other,
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

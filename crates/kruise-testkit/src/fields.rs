//! Reading objects that may lack what is asked for.

use kruise_api::resource::ObjectKey;
use serde_json::Value;

/// Namespace and name of an object.
#[must_use]
pub fn key_of(object: &Value) -> ObjectKey {
    let metadata = &object["metadata"];
    ObjectKey::new(text(&metadata["namespace"]), text(&metadata["name"]))
}

/// UID of an object.
#[must_use]
pub fn uid_of(object: &Value) -> String {
    text(&object["metadata"]["uid"])
}

/// Text, or none.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Elements, or none.
#[must_use]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

//! What is read of objects.

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) const STATE: &str = "lifecycle.apps.kruise.io/state";
pub(crate) const REVISION: &str = "controller-revision-hash";
pub(crate) const SPECIFIED_DELETE: &str = "apps.kruise.io/specified-delete";
pub(crate) const UPDATE_STATE: &str = "apps.kruise.io/inplace-update-state";

pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

pub(crate) fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

/// A label; empty where there is none.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key]
        .as_str()
        .unwrap_or_default()
}

pub(crate) fn state(pod: &Value) -> String {
    label(pod, STATE).to_owned()
}

/// An annotation that holds JSON; null where there is none.
pub(crate) fn annotation(object: &Value, key: &str) -> Value {
    let text = object["metadata"]["annotations"][key].as_str();
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// A condition; null where there is none.
pub(crate) fn condition<'a>(object: &'a Value, type_: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions
        .find(|condition| condition["type"] == type_)
        .unwrap_or(&Value::Null)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready")["status"] == "True"
}

pub(crate) fn image_of(pod: &Value) -> String {
    let image = pod["spec"]["containers"][0]["image"].as_str();
    image.unwrap().to_owned()
}

pub(crate) fn restarts(pod: &Value) -> i64 {
    let status = &pod["status"]["containerStatuses"][0];
    status["restartCount"].as_i64().unwrap_or(0)
}

pub(crate) fn names(objects: &[Value]) -> Vec<String> {
    objects.iter().map(name).collect()
}

pub(crate) fn uids(objects: &[Value]) -> BTreeSet<String> {
    objects.iter().map(uid).collect()
}

/// Names of those that have a label with a value.
pub(crate) fn labelled(objects: &[Value], key: &str, value: &str) -> BTreeSet<String> {
    let labelled = objects.iter().filter(|object| label(object, key) == value);
    labelled.map(name).collect()
}

/// Whom an object names as the one that manages it.
pub(crate) fn manager(object: &Value) -> Option<String> {
    let owners = object["metadata"]["ownerReferences"].as_array();
    let mut owners = owners.into_iter().flatten();
    let manager = owners.find(|owner| owner["controller"] == true)?;
    Some(name_in(manager))
}

fn name_in(reference: &Value) -> String {
    reference["name"].as_str().unwrap().to_owned()
}

//! Members of objects: kept, taken away.

use serde_json::Value;

use super::metadata;

/// The old object with the version that the new one names.
pub(crate) fn with_version(old: &Value, new: &Value) -> Value {
    let version = metadata::text(new, "resourceVersion").to_owned();
    let mut object = old.clone();
    metadata::set(&mut object, "resourceVersion", Some(version.into()));
    object
}

/// Takes a member away.
pub(crate) fn remove(object: &mut Value, member: &str) {
    object
        .as_object_mut()
        .map(|object| object.shift_remove(member));
}

/// A member becomes what it was.
pub(crate) fn keep(new: &mut Value, old: &Value, member: &str) {
    match old.get(member) {
        Some(value) => new[member] = value.clone(),
        None => remove(new, member),
    }
}

/// A member of a member becomes what it was.
pub(crate) fn keep_in(new: &mut Value, old: &Value, owner: &str, member: &str) {
    match old[owner].get(member) {
        Some(value) => new[owner][member] = value.clone(),
        None => {
            if let Some(owner) = new.get_mut(owner) {
                remove(owner, member);
            }
        }
    }
}

/// Members that are null are as good as absent.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

//! Merging objects. Their lists are merged by [`list`], which calls this module for the elements.

use std::{collections::HashSet, mem::discriminant};

use serde_json::{Map, Value};

use super::{
    added::{added, replacing, replacing_members, without_nulls},
    directives::{Members, Whole},
    error::{MergeError, Reason},
    list,
    place::Place,
    schema::Type,
};

/// Merges a patch into an object.
pub(super) fn merge(
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    match Whole::of(patch, place)? {
        Some(Whole::Replace) => *original = replacing_members(patch),
        Some(Whole::Delete) => original.clear(),
        None => merge_members(original, Members::of(patch, place)?, type_, place)?,
    }
    Ok(())
}

fn merge_members(
    original: &mut Map<String, Value>,
    mut patch: Members<'_>,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    retain_keys(original, &patch, place)?;
    let mut ordered = patch.take_ordered();
    for (name, order) in patch.orders {
        let elements = ordered.remove(name);
        merge_in_order(original, name, elements, order, type_, place)?;
    }
    for (name, value) in patch.ordinary {
        merge_member(original, name, value, type_, &place.member(name))?;
    }
    for (name, value) in patch.deletions {
        delete_from(original, name, value, type_, &place.member(name))?;
    }
    Ok(())
}

/// `$retainKeys`: takes away the members of the original that it doesn't name. The patch must not bring
/// such members.
fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &Members<'_>,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    let Some(retained) = patch.retain_keys else {
        return Ok(());
    };
    let Value::Array(retained) = retained else {
        let place = place.member(Members::retain_keys_name());
        return Err(place.error(Reason::NotAList));
    };
    let retained: HashSet<&str> = retained.iter().filter_map(Value::as_str).collect();
    let is_retained = |name: &str| retained.contains(name);
    for (name, value) in &patch.ordinary {
        if !value.is_null() && !is_retained(name) {
            return Err(place.member(name).error(Reason::NotRetained));
        }
    }
    original.retain(|name, _| is_retained(name));
    Ok(())
}

fn merge_member(
    original: &mut Map<String, Value>,
    name: &str,
    value: &Value,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    match (original.get_mut(name), value) {
        (_, Value::Null) => {
            original.shift_remove(name);
        }
        (None | Some(Value::Null), value) => {
            if let Some(value) = added(value) {
                original.insert(name.to_owned(), value);
            }
        }
        (Some(Value::Object(present)), Value::Object(patch)) => {
            merge(present, patch, type_.member(name), place)?;
        }
        (Some(Value::Array(present)), Value::Array(patch)) => {
            list::merge(present, patch, type_.list(name), place)?;
        }
        (Some(present), value) => *present = replacing(&without_nulls(value)),
    }
    Ok(())
}

/// `$deleteFromPrimitiveList`. As on the server, null takes away the whole list. If the member is no list,
/// the directive works like an ordinary member, unless the member would change its type.
fn delete_from(
    original: &mut Map<String, Value>,
    name: &str,
    value: &Value,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    match (original.get_mut(name), value) {
        (Some(Value::Array(present)), Value::Array(elements)) => {
            list::delete(present, elements, type_.list(name), place)
        }
        (Some(present), value)
            if value.is_null() || discriminant(present) == discriminant(value) =>
        {
            merge_member(original, name, value, type_, place)
        }
        _ => Ok(()),
    }
}

/// A list together with its `$setElementOrder`.
fn merge_in_order(
    original: &mut Map<String, Value>,
    name: &str,
    elements: Option<&Value>,
    order: &Value,
    type_: Type,
    place: &Place<'_>,
) -> Result<(), MergeError> {
    let directive = Members::order_name(name);
    let (directive, place) = (place.member(&directive), place.member(name));
    let Value::Array(order) = order else {
        return Err(directive.error(Reason::NotAList));
    };
    let present = match original.get(name) {
        Some(Value::Array(present)) => Some(present.as_slice()),
        Some(Value::Null) | None => None,
        Some(_) => return Err(place.error(Reason::NotAList)),
    };
    let elements = match elements {
        Some(Value::Array(elements)) => Some(elements.as_slice()),
        Some(_) => return Err(place.error(Reason::NotAList)),
        None => None,
    };
    if present.is_none() && elements.is_none() {
        return Ok(());
    }
    let order = list::Order {
        elements: order,
        place: &directive,
    };
    let merged = list::merge_in_order(present, elements, &order, type_.list(name), &place)?;
    original.insert(name.to_owned(), Value::Array(merged));
    Ok(())
}

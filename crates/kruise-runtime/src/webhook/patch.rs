//! What changed between two forms of an object, without losing what a type doesn't know of it.

use json_patch::Patch;
use serde_json::{Map, Value};

/// The JSON Patch that leads from `original` to `changed` (PF-212).
#[must_use]
pub(super) fn diff(original: &Value, changed: &Value) -> Patch {
    json_patch::diff(original, changed)
}

/// `original` with the changes that lead from `before` to `after`, where `before` is what a type sees of
/// `original`, and `after` what was made of that.
///
/// Members that neither form has stay, and so do those that are alike in both: what serialising adds is
/// not a change. Elements of lists are told apart by being alike, else by `name`, else by their place.
#[must_use]
pub(super) fn carry_over(original: &Value, before: &Value, after: &Value) -> Value {
    match (original, before, after) {
        _ if before == after => original.clone(),
        (Value::Object(original), Value::Object(before), Value::Object(after)) => {
            Value::Object(carry_members(original, before, after))
        }
        // Elements can be told apart only in a list that the type sees as long as it is.
        (Value::Array(original), Value::Array(before), Value::Array(after))
            if original.len() == before.len() =>
        {
            Value::Array(carry_elements(original, before, after))
        }
        _ => after.clone(),
    }
}

fn carry_members(
    original: &Map<String, Value>,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Map<String, Value> {
    let mut changed = original.clone();
    changed.retain(|key, _| after.contains_key(key) || !before.contains_key(key));
    for (key, after) in after {
        let value = match (original.get(key), before.get(key)) {
            (Some(original), Some(before)) => carry_over(original, before, after),
            // The type adds this member in both forms, so that it is no change.
            (None, Some(before)) if before == after => continue,
            (_, _) => after.clone(),
        };
        changed.insert(key.clone(), value);
    }
    changed
}

fn carry_elements(original: &[Value], before: &[Value], after: &[Value]) -> Vec<Value> {
    let mut known: Vec<Option<(&Value, &Value)>> = original.iter().zip(before).map(Some).collect();
    // All that are alike first, so that none of them is taken for the former self of another.
    let mut origins: Vec<Option<(&Value, &Value)>> = after
        .iter()
        .enumerate()
        .map(|(place, element)| take(&mut known, place, |before| before == element))
        .collect();
    for (place, (element, origin)) in after.iter().zip(&mut origins).enumerate() {
        if origin.is_none() {
            *origin = match name(element) {
                Some(own) => take(&mut known, place, |before| name(before) == Some(own)),
                None => known
                    .get_mut(place)
                    .and_then(|known| known.take_if(|(_, before)| name(before).is_none())),
            };
        }
    }
    after
        .iter()
        .zip(origins)
        .map(|(element, origin)| match origin {
            Some((original, before)) => carry_over(original, before, element),
            None => element.clone(),
        })
        .collect()
}

/// Takes the element that `is_it`, the one at `place` if several are.
fn take<'a>(
    known: &mut [Option<(&'a Value, &'a Value)>],
    place: usize,
    is_it: impl Fn(&Value) -> bool,
) -> Option<(&'a Value, &'a Value)> {
    let mut matches =
        |slot: &mut Option<(&'a Value, &'a Value)>| slot.take_if(|(_, before)| is_it(before));
    known
        .get_mut(place)
        .and_then(&mut matches)
        .or_else(|| known.iter_mut().find_map(matches))
}

fn name(element: &Value) -> Option<&str> {
    element.get("name")?.as_str()
}

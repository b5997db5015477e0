//! JSON exactly as Go writes it, where bytes are hashed or compared with what Go wrote.

use serde::Serialize;
use serde_json::{Map, Value};

/// Compact JSON with the characters escaped that Go's encoder escapes for the sake of HTML.
///
/// Empty when the value can't be written. Only a map whose keys are no texts can't.
pub(crate) fn go_json(value: &impl Serialize) -> String {
    escape_as_go(&serde_json::to_string(value).unwrap_or_default())
}

/// JSON text with `<`, `>`, `&`, U+2028 and U+2029 written as `\u…`, as Go writes them.
///
/// The API server stores some fields byte for byte as they were sent, and compares them later with
/// what it would write itself: a ControllerRevision whose `data` was sent with a bare `&` can never
/// be patched again, since the server takes its own escape for a change of an immutable field.
#[must_use]
pub fn escape_as_go(json: &str) -> String {
    // Outside of strings none of these characters occurs in JSON.
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// The same value with the keys of all objects in byte order.
pub(crate) fn sort_keys(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map
                .into_iter()
                .map(|(key, value)| (key, sort_keys(value)))
                .collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sort_keys).collect()),
        scalar => scalar,
    }
}

//! The fields that a real server adds and the test kit's need not: left out of what is compared, all in this table.

use serde_json::{Map, Value};

/// A field that is left out, and why.
struct Addition {
    kind: &'static str,
    field: &'static [&'static str],
}

const ADDITIONS: &[Addition] = &[];

/// Takes them out of an object.
pub(crate) fn remove(object: &mut Map<String, Value>) {
    let kind = object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let of_kind = ADDITIONS.iter().filter(|addition| addition.kind == kind);
    for addition in of_kind {
        let Some((last, path)) = addition.field.split_last() else {
            continue;
        };
        let mut at = &mut *object;
        for part in path {
            let Some(Value::Object(next)) = at.get_mut(*part) else {
                at = &mut *object;
                break;
            };
            at = next;
        }
        at.shift_remove(*last);
    }
}

//! The structural difference of two JSON documents (IP-2, IP-3).

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Remove,
    Replace,
}

#[derive(Debug)]
pub(super) struct Difference<'a> {
    /// JSON pointer.
    pub(super) path: String,
    pub(super) operation: Operation,
    /// The new value, unless it is removed.
    pub(super) value: Option<&'a Value>,
}

/// The differences of two documents, in the order of the first.
pub(super) fn differences<'a>(old: &Value, new: &'a Value) -> Vec<Difference<'a>> {
    let mut found = Vec::new();
    compare(&mut String::new(), Some(old), Some(new), &mut found);
    found
}

/// The member of an object that a step of a JSON pointer names.
pub(super) fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn compare<'a>(
    path: &mut String,
    old: Option<&Value>,
    new: Option<&'a Value>,
    differences: &mut Vec<Difference<'a>>,
) {
    let operation = match (old, new) {
        (None, None) => return,
        (None, Some(_)) => Operation::Add,
        (Some(_), None) => Operation::Remove,
        (Some(old), Some(new)) => match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let added = new.keys().filter(|key| !old.contains_key(*key));
                for key in old.keys().chain(added) {
                    let step = key.replace('~', "~0").replace('/', "~1");
                    at(path, &step, |path| {
                        compare(path, old.get(key), new.get(key), differences);
                    });
                }
                return;
            }
            (Value::Array(old), Value::Array(new)) if !is_compared_as_a_whole(old, new) => {
                for index in 0..old.len().max(new.len()) {
                    at(path, &index.to_string(), |path| {
                        compare(path, old.get(index), new.get(index), differences);
                    });
                }
                return;
            }
            (Value::Number(old), Value::Number(new)) if old.as_f64() == new.as_f64() => return,
            (Value::Null, new) if !new.is_null() => Operation::Add,
            (old, new) if old == new => return,
            _ => Operation::Replace,
        },
    };
    differences.push(Difference {
        path: path.clone(),
        operation,
        value: new,
    });
}

/// Runs with the path one step deeper.
fn at(path: &mut String, step: &str, visit: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(step);
    visit(path);
    path.truncate(length);
}

/// Whether two lists count as one value: it is told that they differ, not in what. The reference looks for
/// the differences inside of such lists, by edit distance. But every difference there rules an update in
/// place out, so that it is enough to know of one.
fn is_compared_as_a_whole(old: &[Value], new: &[Value]) -> bool {
    let is_scalar = |value: &Value| !value.is_object() && !value.is_array();
    let is_flat = |items: &[Value]| {
        items
            .first()
            .and_then(Value::as_object)
            .is_some_and(|first| first.values().all(is_scalar))
    };
    (old.iter().all(is_scalar) && new.iter().all(is_scalar)) || (is_flat(old) && is_flat(new))
}

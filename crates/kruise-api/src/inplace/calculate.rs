//! Can one revision become another in place? Decided by what differs between their data alone, never
//! by the live pod (IP-1 to IP-12).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Update, hashes};
use crate::{json::go_json, revision};

/// Why a pod can't be updated in place: the first difference that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{why}", if path.is_empty() { "" } else { ": " })]
pub struct NotInPlace {
    /// JSON pointer into the pod template; empty when it is not about one place.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

/// What an update in place from one revision's data to another's changes.
///
/// # Errors
///
/// When it takes a new pod.
pub fn calculate(old: &Value, new: &Value) -> Result<Update, NotInPlace> {
    let old_template = Template::of(old, "present")?;
    let new_template = Template::of(new, "target")?;
    let mut differences = Vec::new();
    compare(&mut String::new(), Some(old), Some(new), &mut differences);

    let mut update = Update::default();
    let mut metadata_differs = false;
    for difference in differences {
        // Where it is in the template.
        let path = difference.path.replacen("/spec/template", "", 1);
        let refuse = |why: &str| {
            Err(NotInPlace {
                path: path.clone(),
                why: why.to_owned(),
            })
        };
        if path.starts_with("/metadata/") {
            metadata_differs = true;
            if let Some(container) = new_template.env_reader(&path, difference.operation) {
                return refuse(&format!(
                    "container {container} reads it through its environment, which changes only \
                     with a restart"
                ));
            }
            continue;
        }
        let Some((index, member)) = container_member(&path) else {
            return refuse("only container images, labels and annotations can change in place");
        };
        if member != "image" || difference.operation != Operation::Replace {
            return refuse("of a container, only its image can change in place");
        }
        let (Some(container), Some(image)) = (
            old_template.container_name(index),
            difference.value.and_then(Value::as_str),
        ) else {
            return refuse("there is no such container, or the image is not text");
        };
        update.images.insert(container.to_owned(), image.to_owned());
    }
    update.metadata_patch =
        metadata_differs.then(|| metadata_patch(old_template.metadata(), new_template.metadata()));
    Ok(update)
}

/// Index and the rest of the path, for a path into an ordinary container.
fn container_member(path: &str) -> Option<(usize, &str)> {
    let (index, member) = path.strip_prefix("/spec/containers/")?.split_once('/')?;
    Some((index.parse().ok()?, member))
}

/// A revision's data that was found to hold a pod template.
#[derive(Clone, Copy)]
struct Template<'a>(&'a Value);

impl<'a> Template<'a> {
    fn of(data: &'a Value, which: &str) -> Result<Self, NotInPlace> {
        let unreadable = |what: &str| NotInPlace {
            path: String::new(),
            why: format!("the {which} revision holds no pod template: {what}"),
        };
        let template = revision::template(data)
            .filter(|template| template.is_object())
            .ok_or_else(|| unreadable("spec.template is no object"))?;
        for path in ["/metadata", "/spec"] {
            if template
                .pointer(path)
                .is_some_and(|part| !part.is_object() && !part.is_null())
            {
                return Err(unreadable(&format!("{path} is no object")));
            }
        }
        for path in ["/metadata/labels", "/metadata/annotations"] {
            let readable = match template.pointer(path) {
                Some(Value::Object(map)) => map.values().all(Value::is_string),
                Some(Value::Null) | None => true,
                Some(_) => false,
            };
            if !readable {
                return Err(unreadable(&format!("{path} does not map text to text")));
            }
        }
        let readable = match template.pointer("/spec/containers") {
            Some(Value::Array(containers)) => containers.iter().all(Value::is_object),
            Some(Value::Null) | None => true,
            Some(_) => false,
        };
        if readable {
            Ok(Self(template))
        } else {
            Err(unreadable("/spec/containers is no list of objects"))
        }
    }

    fn metadata(self) -> &'a Value {
        self.0.get("metadata").unwrap_or(&Value::Null)
    }

    fn containers(self) -> &'a [Value] {
        self.0
            .pointer("/spec/containers")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn container_name(self, index: usize) -> Option<&'a str> {
        self.containers().get(index)?.get("name")?.as_str()
    }

    /// The container whose environment shows the label or annotation at this path, if it is one that
    /// was added or changed (IP-9). A label that goes, or the first of all labels, shows nowhere.
    fn env_reader(self, path: &str, operation: Operation) -> Option<&'a str> {
        if operation == Operation::Remove {
            return None;
        }
        let (map, key) = path.strip_prefix("/metadata/")?.split_once('/')?;
        let key = key.replace("~1", "/").replace("~0", "~");
        self.containers().iter().find_map(|container| {
            let mut env = container
                .get("env")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let text = |value: &'a Value, pointer: &str| {
                value
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            env.any(|env| {
                !hashes::is_not_counted(text(env, "/name"))
                    && text(env, "/value").is_empty()
                    && hashes::metadata_key(text(env, "/valueFrom/fieldRef/fieldPath"))
                        .is_some_and(|read| read == (map, key.as_str()))
            })
            .then(|| text(container, "/name"))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Remove,
    Replace,
}

#[derive(Debug)]
struct Difference<'a> {
    /// JSON pointer into the revision's data.
    path: String,
    operation: Operation,
    /// The new value, unless it is removed.
    value: Option<&'a Value>,
}

/// Collects the differences of two documents in the order of the first.
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

/// The reference compares such lists by edit distance. No difference inside of one is acceptable
/// where it matters, so that it is enough to know that they differ.
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

/// Strategic merge difference of two templates' metadata, as far as pods take it over.
fn metadata_patch(old: &Value, new: &Value) -> Value {
    let mut patch = Map::new();
    for field in ["labels", "annotations"] {
        let entries = |metadata: &Value| {
            metadata
                .get(field)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let (old, new) = (entries(old), entries(new));
        let mut changes = Map::new();
        for (key, value) in &new {
            if old.get(key) != Some(value) {
                changes.insert(key.clone(), value.clone());
            }
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            changes.insert(key.clone(), Value::Null);
        }
        if !changes.is_empty() {
            patch.insert(field.to_owned(), Value::Object(changes));
        }
    }
    let (old, new) = (finalizers(old), finalizers(new));
    let mut list = |key: &str, names: Vec<&&str>| {
        if !names.is_empty() {
            patch.insert(key.to_owned(), json!(names));
        }
    };
    list("finalizers", new.difference(&old).collect());
    list(
        "$deleteFromPrimitiveList/finalizers",
        old.difference(&new).collect(),
    );
    Value::Object(patch)
}

fn finalizers(metadata: &Value) -> BTreeSet<&str> {
    let names = metadata.get("finalizers").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// The patch of a pod's metadata as bytes of a patch of the pod.
pub(super) fn metadata_patch_bytes(patch: &Value) -> Vec<u8> {
    let pod = match patch.as_object() {
        Some(members) if members.is_empty() => json!({}),
        _ => json!({ "metadata": patch }),
    };
    go_json(&pod).into_bytes()
}

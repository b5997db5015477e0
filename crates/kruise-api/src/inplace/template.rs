//! The pod template in a revision's data. It is checked once, so that no later step can fail (IP-1).

use std::collections::HashMap;

use serde_json::Value;

use super::{NotInPlace, hashes};
use crate::revision;

/// A revision's data that was found to hold a pod template.
#[derive(Clone, Copy)]
pub(super) struct Template<'a>(&'a Value);

impl<'a> Template<'a> {
    pub(super) fn of(data: &'a Value, which: &str) -> Result<Self, NotInPlace> {
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

    /// The template itself.
    pub(super) fn json(self) -> &'a Value {
        self.0
    }

    pub(super) fn metadata(self) -> &'a Value {
        self.0.get("metadata").unwrap_or(&Value::Null)
    }

    fn containers(self) -> &'a [Value] {
        self.0
            .pointer("/spec/containers")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn container_name(self, index: usize) -> Option<&'a str> {
        self.containers().get(index)?.get("name")?.as_str()
    }

    /// Names of the containers whose environment shows a label or annotation. They are found by `labels` or
    /// `annotations`, and the key of that label or annotation. Init containers are not looked at.
    pub(super) fn env_readers(self) -> HashMap<(&'a str, &'a str), Vec<&'a str>> {
        let mut readers: HashMap<_, Vec<&str>> = HashMap::new();
        for container in self.containers() {
            let env = container.get("env").and_then(Value::as_array);
            let name = text(container, "/name");
            for shown in env.into_iter().flatten().filter_map(shown) {
                readers.entry(shown).or_default().push(name);
            }
        }
        readers
    }
}

/// The label or annotation of the pod that an environment variable shows, if it shows any.
fn shown(env: &Value) -> Option<(&str, &str)> {
    let is_counted = !hashes::is_not_counted(text(env, "/name")) && text(env, "/value").is_empty();
    hashes::metadata_key(text(env, "/valueFrom/fieldRef/fieldPath")).filter(|_| is_counted)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

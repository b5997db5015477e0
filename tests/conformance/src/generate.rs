//! Sequences of requests from a seed.
//!
//! A sequence is about a few kinds and a few names, so that requests meet: what one creates another changes, and a
//! third deletes while a fourth still holds its old version.

mod deletes;
mod metadata;
mod oddities;
mod reads;
mod writes;

use kruise_testkit::random::Random;
use serde_json::Value;

use crate::kinds::{self, KINDS, Kind};
use crate::request::{Body, Request, Verb};

/// Names that objects get. Few, so that they meet.
const NAMES: &[&str] = &["a", "b", "c"];

/// The requests of this seed.
pub(crate) fn sequence(seed: u64) -> Vec<Request> {
    let mut random = Random::new(seed);
    let length = 15 + random.below(26);
    let mut generator = Generator {
        kinds: (0..1 + random.below(3))
            .map(|_| kinds::any(&mut random))
            .collect(),
        random,
        named: Vec::new(),
        next: 0,
    };
    (0..length).map(|_| generator.request()).collect()
}

struct Generator {
    random: Random,
    /// What this sequence is about.
    kinds: Vec<&'static Kind>,
    /// Which requests had a name generated, and of which plural.
    named: Vec<(&'static str, usize)>,
    next: usize,
}

impl Generator {
    fn request(&mut self) -> Request {
        // At the beginning there is nothing to read or change.
        let choice = if self.next < 4 && self.random.chance(700) {
            0
        } else {
            self.random.below(100)
        };
        let mut request = match choice {
            0..=21 => self.create(),
            22..=29 => self.get(),
            30..=40 => self.list(),
            41..=47 => self.watch(),
            48..=57 => self.update(),
            58..=68 => self.merge(),
            69..=75 => self.strategic(),
            76..=81 => self.json_patch(),
            82..=92 => self.delete(),
            93..=94 => self.delete_collection(),
            95..=97 => self.special(),
            _ => self.odd(),
        };
        self.next += 1;
        request.settles = !request.is_dry() && may_settle(&request);
        request
    }

    /// A request about one of the sequence's kinds, with nothing else in it.
    fn plain(&mut self, verb: Verb) -> Request {
        let mut kind = *self.random.pick(&self.kinds);
        if kind.is_custom() && self.random.chance(250) {
            // The same objects in the other version.
            let versions: Vec<_> = KINDS.iter().filter(|kind| kind.is_custom()).collect();
            kind = *self.random.pick(&versions);
        }
        Request {
            id: self.next,
            kind,
            verb,
            namespace: None,
            name: String::new(),
            subresource: "",
            query: Vec::new(),
            body: Body::Nothing,
            brief: false,
            settles: false,
            stale: false,
        }
    }

    /// A request about one object.
    fn about_one(&mut self, verb: Verb) -> Request {
        let mut request = self.plain(verb);
        request.name = self.name(request.kind);
        request
    }

    fn name(&mut self, kind: &Kind) -> String {
        let made: Vec<usize> = self
            .named
            .iter()
            .filter(|(plural, _)| *plural == kind.plural)
            .map(|(_, id)| *id)
            .collect();
        if !made.is_empty() && self.random.chance(200) {
            return format!("~{}", self.random.pick(&made));
        }
        // The first name more often, so that more is done with one object.
        if self.random.chance(500) {
            NAMES[0].to_owned()
        } else {
            (*self.random.pick(NAMES)).to_owned()
        }
    }

    /// Makes some writes dry runs, and asks some answers in brief.
    fn trim(&mut self, request: &mut Request) {
        if self.random.chance(70) {
            request.query.push(("dryRun", "All".to_owned()));
        }
        if self.random.chance(300) {
            request
                .query
                .push(("fieldManager", "conformance".to_owned()));
        }
        request.brief = request.brief || self.random.chance(80);
    }
}

/// Whether controllers may have something to do after this: what collects garbage, mostly.
fn may_settle(request: &Request) -> bool {
    let touches = |text: &str| text.contains("ownerReferences") || text.contains("finalizers");
    let sent = match &request.body {
        Body::Nothing => false,
        Body::Text(text) => touches(text),
        Body::Json(value) => touches(&value.to_string()),
        Body::Read {
            edits, otherwise, ..
        } => touches(&otherwise.to_string()) || edits.iter().any(|edit| touches(edit.pointer)),
    };
    sent || matches!(request.verb, Verb::Delete | Verb::DeleteCollection)
        || matches!(request.subresource, "eviction" | "binding")
}

/// Puts a value where a pointer says, making objects on the way. Lists are left to those who know them.
fn put(object: &mut Value, pointer: &str, value: Option<Value>) {
    let mut at = object;
    let mut parts = pointer.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            match (at, value) {
                (Value::Array(items), Some(value)) => {
                    if let Some(item) = part
                        .parse()
                        .ok()
                        .and_then(|index: usize| items.get_mut(index))
                    {
                        *item = value;
                    }
                }
                (Value::Object(map), Some(value)) => {
                    map.insert(part.to_owned(), value);
                }
                (Value::Object(map), None) => {
                    map.shift_remove(part);
                }
                _ => {}
            }
            return;
        }
        if let Value::Array(items) = at {
            let Some(item) = part
                .parse()
                .ok()
                .and_then(|index: usize| items.get_mut(index))
            else {
                return;
            };
            at = item;
            continue;
        }
        if !at.is_object() {
            return;
        }
        // To look at a member makes it, so what isn't there and is to go isn't looked at.
        if value.is_none() && at.get(part).is_none_or(Value::is_null) {
            return;
        }
        let next = &mut at[part];
        if next.is_null() {
            *next = Value::Object(serde_json::Map::new());
        }
        at = next;
    }
}

/// Applies edits to an object that was read.
pub(crate) fn edited(mut object: Value, edits: &[crate::request::Edit]) -> Value {
    for edit in edits {
        put(&mut object, edit.pointer, edit.value.clone());
    }
    object
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::request::Edit;

    #[test]
    fn sequences_follow_from_the_seed() {
        let shown = |seed| {
            let requests = sequence(seed);
            requests.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(shown(5), shown(5));
        assert_ne!(shown(5), shown(6));
    }

    #[test]
    fn every_kind_and_verb_comes_up() {
        let requests: Vec<Request> = (0..200).flat_map(sequence).collect();
        let verbs: BTreeSet<_> = requests.iter().map(|request| request.verb).collect();
        let kinds: BTreeSet<_> = requests
            .iter()
            .map(|request| (request.kind.plural, request.kind.version))
            .collect();
        assert_eq!((verbs.len(), kinds.len()), (10, KINDS.len()));
    }

    #[test]
    fn edits_reach_into_lists_and_make_what_lacks() {
        let object = json!({ "spec": { "containers": [{ "image": "a" }], "x": 1 } });
        let edits = [
            Edit::set("/spec/containers/0/image", json!("b")),
            Edit::set("/metadata/labels/app", json!("a")),
            Edit::unset("/spec/x"),
            Edit::unset("/status/y"),
        ];
        assert_eq!(
            edited(object, &edits),
            json!({ "spec": { "containers": [{ "image": "b" }] }, "metadata": { "labels": { "app": "a" } } })
        );
    }
}

//! What one side knows of its server's answers, and what references in requests become by it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::request::{Request, Verb, key};

/// An object as it once was.
#[derive(Clone, Debug)]
struct Known {
    uid: String,
    /// Missing where metadata was answered alone.
    object: Option<Value>,
}

/// What was answered so far.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) namespace: String,
    /// A node that doesn't exist; another one in each run, as the cluster ends pods of such nodes some time later.
    pub(crate) ghost: String,
    /// The version at which it began.
    pub(crate) begin: u64,
    objects: BTreeMap<String, BTreeMap<u64, Known>>,
    lists: BTreeMap<&'static str, String>,
    next: BTreeMap<&'static str, String>,
    /// The names that were generated, by request.
    pub(crate) made: BTreeMap<usize, String>,
}

impl Memory {
    pub(crate) fn new(namespace: &str, ghost: &str, begin: u64) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ghost: ghost.to_owned(),
            begin,
            objects: BTreeMap::new(),
            lists: BTreeMap::new(),
            next: BTreeMap::new(),
            made: BTreeMap::new(),
        }
    }

    /// Keeps what an answer tells.
    pub(crate) fn keep(&mut self, request: &Request, answer: &Value) {
        let metadata = &answer["metadata"];
        if let Some(items) = answer["items"].as_array() {
            let version = metadata["resourceVersion"].as_str().unwrap_or_default();
            self.lists.insert(request.kind.plural, version.to_owned());
            let next = metadata["continue"].as_str().unwrap_or_default();
            self.next.insert(request.kind.plural, next.to_owned());
            for item in items {
                self.keep_object(request, item, true);
            }
            return;
        }
        let kind = answer["kind"].as_str();
        let whole = kind == Some(request.kind.kind);
        if !whole && kind != Some("PartialObjectMetadata") {
            return;
        }
        self.keep_object(request, answer, whole);
        if request.verb == Verb::Create
            && request.name.is_empty()
            && let (Some(name), true) = (
                metadata["name"].as_str(),
                metadata["generateName"].is_string(),
            )
        {
            self.made.insert(request.id, name.to_owned());
        }
    }

    fn keep_object(&mut self, request: &Request, object: &Value, whole: bool) {
        let metadata = &object["metadata"];
        let (Some(name), Some(version), Some(uid)) = (
            metadata["name"].as_str(),
            version_of(object),
            metadata["uid"].as_str(),
        ) else {
            return;
        };
        let known = Known {
            uid: uid.to_owned(),
            object: whole.then(|| object.clone()),
        };
        let versions = self.objects.entry(key(request.kind, name)).or_default();
        let entry = versions.entry(version).or_insert_with(|| known.clone());
        if entry.object.is_none() {
            *entry = known;
        }
    }

    /// The name that `name` stands for.
    pub(crate) fn name(&self, name: &str) -> String {
        match name.strip_prefix('~') {
            Some(id) => id
                .parse()
                .ok()
                .and_then(|id: usize| self.made.get(&id).cloned())
                .unwrap_or_else(|| "nobody".to_owned()),
            None => name.to_owned(),
        }
    }

    /// Takes a version in the place of an older one that had the same in it, if that one is known.
    pub(crate) fn rename(&mut self, request: &Request, old: u64, object: &Value) {
        let key = key(request.kind, &self.name(&request.name));
        let versions = self.objects.get_mut(&key);
        if versions.is_some_and(|versions| versions.remove(&old).is_some()) {
            self.keep_object(request, object, true);
        }
    }

    fn versions(&self, key: &str) -> Option<&BTreeMap<u64, Known>> {
        let (plural, name) = key.split_once('/')?;
        self.objects.get(&format!("{plural}/{}", self.name(name)))
    }

    /// The object as it was so many versions ago, if it is known whole.
    pub(crate) fn object(&self, key: &str, back: usize) -> Option<Value> {
        let known = self.versions(key)?.values().rev().nth(back)?;
        known.object.clone()
    }

    /// Replaces references in all strings.
    pub(crate) fn resolve(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.resolve(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.resolve(field)),
            _ => {}
        }
    }

    /// Replaces references in a text.
    pub(crate) fn text(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('<') else {
            return text.to_owned();
        };
        let Some((reference, after)) = rest.split_once('>') else {
            return text.to_owned();
        };
        let words: Vec<&str> = reference.split(' ').collect();
        let meant = match *words.as_slice() {
            ["namespace"] => self.namespace.clone(),
            ["ghost"] => self.ghost.clone(),
            ["begin"] => self.begin.to_string(),
            ["version", key, back] => self.version(key, back),
            ["uid", key, back] => self.uid(key, back),
            ["list", plural] => self
                .lists
                .get(plural)
                .cloned()
                .unwrap_or_else(|| self.begin.to_string()),
            ["continue", plural] => self.next.get(plural).cloned().unwrap_or_default(),
            _ => format!("<{reference}>"),
        };
        format!("{before}{meant}{}", self.text(after))
    }

    fn version(&self, key: &str, back: &str) -> String {
        let back = back.parse().unwrap_or_default();
        let known = self
            .versions(key)
            .and_then(|all| all.keys().rev().nth(back));
        known.unwrap_or(&self.begin).to_string()
    }

    fn uid(&self, key: &str, back: &str) -> String {
        let mut uids: Vec<&str> = Vec::new();
        for known in self
            .versions(key)
            .into_iter()
            .flat_map(|all| all.values().rev())
        {
            if !uids.contains(&known.uid.as_str()) {
                uids.push(&known.uid);
            }
        }
        let back: usize = back.parse().unwrap_or_default();
        match uids.get(back) {
            Some(uid) => (*uid).to_owned(),
            None => self.nobody(key),
        }
    }

    /// A UID that nothing has. Each key has another one in each run: what collects garbage gets confused by one UID in
    /// two places.
    fn nobody(&self, key: &str) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in self.ghost.bytes().chain(key.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("11111111-1111-4111-8111-{:012x}", hash & 0xffff_ffff_ffff)
    }
}

/// The version in an object's metadata.
pub(crate) fn version_of(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::generate;

    #[test]
    fn references_become_what_was_answered() {
        let mut memory = Memory::new("ns", "ghost-1", 7);
        let request = generate::sequence(1)
            .into_iter()
            .map(|mut request| {
                request.kind = &crate::kinds::KINDS[0];
                request
            })
            .next()
            .unwrap();
        for (version, uid) in [("9", "u"), ("11", "u"), ("12", "w")] {
            let metadata = json!({ "name": "a", "uid": uid, "resourceVersion": version });
            memory.keep(&request, &json!({ "kind": "Pod", "metadata": metadata }));
        }
        let text = |reference: &str| memory.text(reference);
        assert_eq!(text("<version pods/a 0>"), "12");
        assert_eq!(text("<version pods/a 2>"), "9");
        assert_eq!(text("<version pods/b 0>"), "7");
        assert_eq!(text("<uid pods/a 1>"), "u");
        assert_eq!(text("spec.nodeName=<ghost>,x"), "spec.nodeName=ghost-1,x");
        assert_ne!(text("<uid pods/b 0>"), text("<uid pods/c 0>"));
    }
}

//! Answers without what two servers can't have in common: numbers of versions, UIDs, times, drawn names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::memory::version_of;
use crate::request::{Request, Verb};

/// Times that a server sets by its own clock. That they are there is compared.
const TIMES: &[&str] = &[
    "creationTimestamp",
    "deletionTimestamp",
    "lastTransitionTime",
];

/// Where a message has a version: after these words.
const BEFORE_VERSIONS: &[&str] = &[
    "ResourceVersion in the precondition (",
    "ResourceVersion in record (",
    "resource version: ",
    "current: ",
    "resourceVersion: ",
];

/// What is known of a server's numbers and names.
#[derive(Debug)]
pub(crate) struct Normal {
    begin: u64,
    namespace: String,
    ghost: String,
    /// The versions that writes were answered with.
    made: BTreeSet<u64>,
    /// The versions that were there although no write of ours was answered with them: controllers made them.
    others: BTreeSet<u64>,
    uids: BTreeMap<String, usize>,
    /// Versions that nothing changed in, and those that they stand for.
    aliases: BTreeMap<u64, u64>,
}

impl Normal {
    pub(crate) fn new(begin: u64, namespace: &str, ghost: &str) -> Self {
        Self {
            begin,
            namespace: namespace.to_owned(),
            ghost: ghost.to_owned(),
            made: BTreeSet::new(),
            others: BTreeSet::new(),
            uids: BTreeMap::new(),
            aliases: BTreeMap::new(),
        }
    }

    /// Takes in what a write was answered.
    pub(crate) fn learn(&mut self, request: &Request, answer: &Value) {
        let reads = matches!(
            request.verb,
            Verb::Get | Verb::List | Verb::Watch | Verb::DeleteCollection
        );
        if !reads
            && let Some(version) = version_of(answer)
            && version > self.begin
        {
            let version = self.canonical(version);
            if !self.others.contains(&version) {
                self.made.insert(version);
            }
        }
    }

    /// Takes in a list of what is stored. A version in it that isn't ours stays so, although a write that changes nothing
    /// is answered with it.
    pub(crate) fn see(&mut self, list: &Value) {
        for item in list["items"].as_array().into_iter().flatten() {
            if let Some(version) = version_of(item) {
                let version = self.canonical(version);
                if !self.made.contains(&version) {
                    self.others.insert(version);
                }
            }
        }
    }

    /// A version in which nothing but its number differs from an older one.
    pub(crate) fn alias(&mut self, version: u64, of: u64) {
        let of = self.canonical(of);
        self.aliases.insert(version, of);
    }

    /// Whether nothing but its number differs from an older version.
    pub(crate) fn is_alias(&self, version: u64) -> bool {
        self.aliases.contains_key(&version)
    }

    fn canonical(&self, version: u64) -> u64 {
        self.aliases.get(&version).copied().unwrap_or(version)
    }

    /// Where a version is among those that our writes made: one of them, or after which of them.
    pub(crate) fn rank(&self, version: u64) -> String {
        let version = self.canonical(version);
        if version <= self.begin {
            return "before".to_owned();
        }
        let rank = self.made.range(..=version).count();
        if self.made.contains(&version) {
            format!("#{rank}")
        } else {
            format!("after #{rank}")
        }
    }

    /// How many of our writes are in a list of this version.
    pub(crate) fn as_of(&self, version: u64) -> String {
        format!("as of #{}", self.made.range(..=version).count())
    }

    /// How events are put in order: those that no write was answered with come as they like.
    pub(crate) fn order(&self, version: u64) -> (usize, bool) {
        let version = self.canonical(version);
        let rank = self.made.range(..=version).count();
        (rank, !self.made.contains(&version))
    }

    /// Where what is told of a whole list is put among events. Its version is no object's, so none stands for it.
    pub(crate) fn order_of_list(&self, version: u64) -> (usize, bool) {
        (self.made.range(..=version).count(), true)
    }

    /// An answer's body that can be compared.
    pub(crate) fn value(&mut self, value: &Value) -> Value {
        let mut value = value.clone();
        self.walk(&mut value, "");
        value
    }

    fn walk(&mut self, value: &mut Value, at: &str) {
        match value {
            Value::Object(fields) => self.walk_object(fields),
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, at)),
            Value::String(text) => *text = self.text(text, at),
            _ => {}
        }
    }

    fn walk_object(&mut self, fields: &mut Map<String, Value>) {
        let list = fields.contains_key("items");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            self.metadata(metadata, list);
        }
        // In one order, so that UIDs come up in the same order.
        fields.sort_keys();
        for (name, field) in fields.iter_mut() {
            if TIMES.contains(&name.as_str()) && field.is_string() {
                *field = json!("(a time)");
            } else {
                self.walk(field, name);
            }
        }
        if let Some(Value::Array(items)) = fields.get_mut("items") {
            let name = |item: &Value| item["metadata"]["name"].as_str().map(str::to_owned);
            items.sort_by_key(name);
        }
    }

    fn metadata(&self, metadata: &mut Map<String, Value>, list: bool) {
        metadata.shift_remove("managedFields");
        if let Some(Value::String(version)) = metadata.get_mut("resourceVersion")
            && let Ok(number) = version.parse::<u64>()
        {
            *version = if list {
                self.as_of(number)
            } else {
                self.rank(number)
            };
        }
        if let Some(Value::String(next)) = metadata.get_mut("continue")
            && !next.is_empty()
        {
            *next = "(more)".to_owned();
        }
    }

    fn text(&mut self, text: &str, at: &str) -> String {
        let mut text = without_drawn_names(&self.without_uids(text));
        // The ghost's name has the namespace's in it.
        text = text
            .replace(&self.ghost, "ghost")
            .replace(&self.namespace, "(namespace)");
        if at == "message" {
            for words in BEFORE_VERSIONS {
                text = self.without_versions(&text, words);
            }
        }
        text
    }

    fn without_versions(&self, text: &str, words: &str) -> String {
        let mut parts = text.split(words);
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part
                .find(|it: char| !it.is_ascii_digit())
                .unwrap_or(part.len());
            let (digits, rest) = part.split_at(end);
            out.push_str(words);
            match digits.parse::<u64>() {
                Ok(version) => out.push_str(&self.rank(version)),
                Err(_) => out.push_str(digits),
            }
            out.push_str(rest);
        }
        out
    }

    /// UIDs in the order in which they came up, so that both servers' get the same numbers.
    fn without_uids(&mut self, text: &str) -> String {
        let bytes = text.as_bytes();
        let mut out = String::new();
        let mut at = 0;
        while at < text.len() {
            if let Some(candidate) = text.get(at..at + 36)
                && is_uid(candidate.as_bytes())
                && !candidate.starts_with("00000000")
            {
                let next = self.uids.len() + 1;
                let number = *self.uids.entry(candidate.to_owned()).or_insert(next);
                out.push_str(&format!("(uid {number})"));
                at += 36;
                continue;
            }
            let mut end = at + 1;
            while end < bytes.len() && !text.is_char_boundary(end) {
                end += 1;
            }
            out.push_str(&text[at..end]);
            at = end;
        }
        out
    }
}

/// Names that were generated end on what was drawn: `g12-x7k2p`.
fn without_drawn_names(text: &str) -> String {
    const DRAWN: usize = 5;
    let is_drawn = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('-') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        let number = before
            .trim_end_matches('-')
            .trim_end_matches(|it: char| it.is_ascii_digit());
        let generated = number.ends_with('g') && number.len() + 1 < before.len();
        if generated
            && let Some(drawn) = rest.as_bytes().get(..DRAWN)
            && is_drawn(drawn)
        {
            out.push('~');
            rest = &rest[DRAWN..];
        }
    }
    out + rest
}

fn is_uid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_servers_own_goes() {
        let mut normal = Normal::new(10, "ns", "ghost-3");
        normal.made.extend([12, 15]);
        let uid = "0f6ca3ea-7a3c-4d53-8ae0-3cd8fbcd0c3a";
        let object = json!({
            "metadata": { "uid": uid, "resourceVersion": "15", "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [], "ownerReferences": [{ "uid": uid }] },
            "spec": { "nodeName": "ghost-3" },
            "message": "too old resource version: 13 (15)",
        });
        assert_eq!(
            normal.value(&object),
            json!({
                "metadata": { "uid": "(uid 1)", "resourceVersion": "#2", "creationTimestamp": "(a time)",
                    "ownerReferences": [{ "uid": "(uid 1)" }] },
                "spec": { "nodeName": "ghost" },
                "message": "too old resource version: after #1 (15)",
            })
        );
    }

    #[test]
    fn a_version_that_a_controller_made_stays_its_own_when_a_write_is_answered_with_it() {
        let mut normal = Normal::new(10, "ns", "ghost-3");
        let object = |version: &str| json!({ "metadata": { "resourceVersion": version } });
        let mut request = crate::generate::sequence(1).remove(0);
        request.verb = Verb::Update;
        normal.learn(&request, &object("12"));
        normal.see(&json!({ "items": [object("12"), object("14")] }));
        normal.alias(15, 14);
        normal.learn(&request, &object("15"));
        assert_eq!(
            (normal.rank(12), normal.rank(15)),
            ("#1".to_owned(), "after #1".to_owned())
        );
        // A list has a version of its own, whatever another one stands for.
        normal.alias(16, 12);
        assert_eq!(
            (normal.order(16), normal.order_of_list(16)),
            ((1, false), (1, true))
        );
    }

    #[test]
    fn drawn_names_go_and_others_stay() {
        let text = without_drawn_names("pods \"g12-x7k2p\" of a-g3-4ddvh, not big-things");
        assert_eq!(text, "pods \"g12-~\" of a-g3-~, not big-things");
    }

    #[test]
    fn versions_that_no_write_was_answered_with_have_a_place_but_no_number() {
        let mut normal = Normal::new(10, "ns", "g");
        normal.made.extend([12, 15]);
        assert_eq!(normal.rank(9), "before");
        assert_eq!(normal.rank(14), "after #1");
        assert_eq!(normal.rank(12), "#1");
    }
}

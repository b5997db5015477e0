//! Objects by kind and key, one counter of versions, and every change.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::resource::{ObjectKey, Resource};
use serde_json::Value;

use super::{Change, form::Form};

/// What is stored. An object is never changed in place, so a clone of its `Arc` stays as it is.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    /// Versions up to this one are forgotten: nothing can be read or watched from there.
    compacted: u64,
    tables: Vec<Table>,
    log: Vec<Change>,
}

/// The objects of a kind.
#[derive(Debug, Default)]
struct Table {
    objects: BTreeMap<String, Arc<Value>>,
    /// The forms of those that don't lie there in the usual one.
    forms: BTreeMap<String, Form>,
    /// Places of its changes in the log.
    changes: Vec<usize>,
}

/// Where an object is stored; its order is that of lists.
pub(crate) fn place(key: &ObjectKey) -> String {
    if key.namespace.is_empty() {
        key.name.clone()
    } else {
        format!("{}/{}", key.namespace, key.name)
    }
}

/// A change that is about to be made.
#[derive(Clone, Copy)]
pub(crate) struct Write {
    pub(crate) at: jiff::Timestamp,
    pub(crate) by: &'static str,
    pub(crate) resource: Resource,
    pub(crate) form: Form,
}

impl Store {
    pub(crate) fn new(kinds: usize) -> Self {
        Self {
            // A real server has made a few objects of its own before anybody asks.
            version: 1,
            compacted: 0,
            tables: (0..kinds).map(|_| Table::default()).collect(),
            log: vec![],
        }
    }

    /// Makes room for kinds that were installed.
    pub(crate) fn grow(&mut self, kinds: usize) {
        self.tables
            .resize_with(kinds.max(self.tables.len()), Table::default);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Forgets the versions up to this one. The log keeps them for those who judge.
    pub(crate) fn compact(&mut self, version: u64) {
        self.compacted = self.compacted.max(version.min(self.version));
    }

    pub(crate) fn get(&self, kind: usize, place: &str) -> Option<&Arc<Value>> {
        self.tables[kind].objects.get(place)
    }

    /// In what form the object lies there.
    pub(crate) fn form(&self, kind: usize, place: &str) -> Form {
        self.tables[kind]
            .forms
            .get(place)
            .copied()
            .unwrap_or_default()
    }

    /// The objects whose places begin so, in order.
    pub(crate) fn list<'a>(
        &'a self,
        kind: usize,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Value>)> {
        let from = self.tables[kind].objects.range(prefix.to_owned()..);
        from.take_while(move |(place, _)| place.starts_with(prefix))
    }

    /// The objects as they were at this version, in order.
    pub(crate) fn list_at(
        &self,
        kind: usize,
        prefix: &str,
        version: u64,
    ) -> BTreeMap<String, Arc<Value>> {
        let now = self.list(kind, prefix);
        let mut objects: BTreeMap<_, _> = now
            .map(|(place, object)| (place.clone(), Arc::clone(object)))
            .collect();
        // Undone from the last change on, so the earliest decides.
        for change in self.changes_of(kind, version).rev() {
            let place = place_of(change);
            if !place.starts_with(prefix) {
                continue;
            }
            match &change.before {
                Some(before) => objects.insert(place, Arc::clone(before)),
                None => objects.remove(&place),
            };
        }
        objects
    }

    /// The changes of a kind after this version, in order.
    pub(crate) fn changes_of(
        &self,
        kind: usize,
        since: u64,
    ) -> impl DoubleEndedIterator<Item = &Change> {
        let changes = &self.tables[kind].changes;
        let first = changes.partition_point(|&place| self.log[place].version <= since);
        changes[first..].iter().map(|&place| &self.log[place])
    }

    /// All changes after this version, in order.
    pub(crate) fn changes(&self, since: u64) -> &[Change] {
        let first = self.log.partition_point(|change| change.version <= since);
        &self.log[first..]
    }

    /// Puts an object in its place, in a version of its own.
    pub(crate) fn put(
        &mut self,
        kind: usize,
        place: &str,
        mut object: Value,
        write: Write,
    ) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Arc::new(object);
        let table = &mut self.tables[kind];
        match write.form {
            Form::Usual => table.forms.remove(place),
            form => table.forms.insert(place.to_owned(), form),
        };
        let before = table.objects.insert(place.to_owned(), Arc::clone(&object));
        self.note(kind, write, before, Some(Arc::clone(&object)));
        object
    }

    /// Takes an object away. What comes back is its last form.
    pub(crate) fn remove(&mut self, kind: usize, place: &str, write: Write) -> Option<Arc<Value>> {
        let before = self.tables[kind].objects.remove(place)?;
        self.tables[kind].forms.remove(place);
        self.version += 1;
        self.note(kind, write, Some(Arc::clone(&before)), None);
        Some(before)
    }

    fn note(
        &mut self,
        kind: usize,
        write: Write,
        before: Option<Arc<Value>>,
        after: Option<Arc<Value>>,
    ) {
        let Write {
            at, by, resource, ..
        } = write;
        self.tables[kind].changes.push(self.log.len());
        self.log.push(Change {
            version: self.version,
            at,
            resource,
            by,
            before,
            after,
        });
    }
}

/// Where the changed object is stored.
pub(crate) fn place_of(change: &Change) -> String {
    let object = change.after.as_ref().or(change.before.as_ref());
    object
        .map(|object| place(&key_of(object)))
        .unwrap_or_default()
}

/// The key that the object's metadata names.
pub(crate) fn key_of(object: &Value) -> ObjectKey {
    let text = |member: &str| object["metadata"][member].as_str().unwrap_or_default();
    ObjectKey::new(text("namespace"), text("name"))
}

//! What a streaming list has brought so far. The server sends the list as events. Between these it sends what happens
//! meanwhile: a change, or a deletion, of an object that it has listed already.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use kruise_api::{object::Object, resource::ObjectKey};

use crate::watch::{
    index::{ByUid, by_key},
    line::{Decoded, Peek},
};

pub(crate) struct OpenList<K> {
    objects: HashSet<ByUid<K>>,
    /// Keys by UID.
    undecodable: BTreeMap<String, ObjectKey>,
}

impl<K> Default for OpenList<K> {
    fn default() -> Self {
        Self {
            objects: HashSet::new(),
            undecodable: BTreeMap::new(),
        }
    }
}

impl<K: Object> OpenList<K> {
    /// Adds an object, or a later state of it.
    pub(crate) fn add(&mut self, object: Arc<K>) {
        self.undecodable.remove(&object.meta().uid);
        self.objects.replace(ByUid(object));
    }

    /// Adds an object that is there and can't be read. What could be read of it before stays.
    pub(crate) fn add_undecodable(&mut self, peek: Peek) {
        self.undecodable.insert(peek.uid, peek.key);
    }

    /// Takes out an object that is gone, or no longer selected.
    pub(crate) fn remove(&mut self, last: &Decoded<K>) {
        let uid = match last {
            Decoded::Object(last) => last.meta().uid.as_str(),
            Decoded::Undecodable(peek, _) => peek.uid.as_str(),
        };
        self.objects.remove(uid);
        self.undecodable.remove(uid);
    }

    pub(crate) fn into_parts(self) -> (Vec<Arc<K>>, Vec<ObjectKey>) {
        let objects = self.objects.into_iter().map(|ByUid(object)| object);
        let mut objects: Vec<_> = objects.collect();
        // As a list in pages has them, so that owners are looked at in the same order whichever way they are listed.
        objects.sort_unstable_by(by_key);
        (objects, self.undecodable.into_values().collect())
    }
}

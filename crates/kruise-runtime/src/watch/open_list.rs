//! What a streaming list has brought so far. The server tells it as events, and what happens meanwhile it tells
//! between them: a change, or a deletion, of what it has listed already.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use kruise_api::{object::Object, resource::ObjectKey};

use crate::watch::{
    index::ByUid,
    line::{Decoded, Peek},
};

pub(crate) struct OpenList<K> {
    objects: HashSet<ByUid<K>>,
    /// By UID.
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
    /// An object, or a later state of one.
    pub(crate) fn add(&mut self, object: Arc<K>) {
        self.undecodable.remove(&object.meta().uid);
        self.objects.replace(ByUid(object));
    }

    /// An object that is there and can't be read. What could be read of it before stays.
    pub(crate) fn add_undecodable(&mut self, peek: Peek) {
        self.undecodable.insert(peek.uid, peek.key);
    }

    /// An object that is gone, or no longer selected.
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
        (objects.collect(), self.undecodable.into_values().collect())
    }
}

//! What a watch tells its store: events, bookmarks, complete lists.

use std::sync::{Arc, atomic::Ordering};

use kruise_api::{object::Object, resource::ObjectKey};

use super::Store;
use crate::watch::version::version_number;

impl<K: Object> Store<K> {
    /// Takes an event that says that this is the object's state now.
    pub fn apply(&self, object: K) {
        let mut handlers = self.handlers();
        let change = {
            let mut index = self.write();
            index.saw(version_number(&object.meta().resource_version));
            index.put(Arc::new(object))
        };
        handlers.notify(change);
    }

    /// Takes an event that says that the object was deleted; `last` is its last state, with the
    /// version of the deletion.
    pub fn apply_deleted(&self, last: &K) {
        let mut handlers = self.handlers();
        let meta = last.meta();
        let change = {
            let mut index = self.write();
            let version = version_number(&meta.resource_version);
            index.saw(version);
            index.deleted(&ObjectKey::of(meta), &meta.uid, version)
        };
        handlers.notify(change);
    }

    /// Notes a version from a bookmark, or of an object that couldn't be decoded.
    pub fn saw_version(&self, version: &str) {
        let _in_turn = self.handlers();
        self.write().saw(version_number(version));
    }

    /// Takes a complete list, at once. Objects that the list lacks are gone, unless a live read is newer than the
    /// list. Where objects may leave the selection while alive, they become strays instead. `undecodable` are listed
    /// too, but can't be read: what was known of them stays.
    pub fn replace(&self, listed: Vec<K>, undecodable: &[ObjectKey], version: &str) {
        let listed = listed.into_iter().map(Arc::new).collect();
        self.replace_shared(listed, undecodable, version);
    }

    /// The stored object, if it equals this one. So a list that is taken again costs no second copy of everything.
    /// Equal versions would not be enough: after a restore a version may stand for another state.
    pub(crate) fn stored_or(&self, object: K) -> Arc<K> {
        self.by_uid(&object.meta().uid)
            .filter(|stored| **stored == object)
            .unwrap_or_else(|| Arc::new(object))
    }

    pub(crate) fn replace_shared(
        &self,
        listed: Vec<Arc<K>>,
        undecodable: &[ObjectKey],
        version: &str,
    ) {
        let mut handlers = self.handlers();
        let version = version_number(version);
        // The difference is worked out while readers go on. They then see all of it or nothing.
        let mut difference = self.read().difference(listed, undecodable, version);
        // After a restore, versions from before it say nothing: the list alone counts.
        if let Some(strays) = self.strays().filter(|_| !difference.restored) {
            for stray in std::mem::take(&mut difference.missing) {
                // Fails only when the watch is being stopped.
                let _ = strays.send(stray);
            }
        }
        let changes = self.write().enter(difference);
        for change in &changes {
            handlers.follow(change);
        }
        self.inner.synced.store(true, Ordering::Release);
        self.set_kind_missing(false);
        self.inner.lists.fetch_add(1, Ordering::Release);
        for change in &changes {
            handlers.wake(change);
        }
    }

    /// Takes all objects away, as an empty complete list would.
    pub(crate) fn forget_all(&self) {
        let newest = self.read().newest;
        self.replace_shared(vec![], &[], &newest.to_string());
    }
}

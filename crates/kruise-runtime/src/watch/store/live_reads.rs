//! What live reads found, which a watch may have lost, or have yet to report.

use std::sync::Arc;

use kruise_api::{object::Object, resource::ObjectKey};

use super::Store;
use crate::watch::{
    index::Change,
    selector,
    store_view::{BeforeRead, Injected, StoreView},
    version::version_number,
};

impl<K: Object> Store<K> {
    /// Takes the answer of a live read of the object that had this UID: the object of that name, or `None`. A newer
    /// object enters as it would from an event. A missing object's UID is remembered, so that an older event doesn't
    /// bring the object back.
    pub fn inject(&self, key: &ObjectKey, uid: &str, live: Option<K>) {
        let before = BeforeRead {
            uid: uid.to_owned(),
            ..BeforeRead::default()
        };
        self.inject_after(key, uid, live, &before);
    }

    /// [`Store::inject`], knowing what was known before the read.
    pub(crate) fn inject_after(
        &self,
        key: &ObjectKey,
        uid: &str,
        live: Option<K>,
        before: &BeforeRead,
    ) -> Injected {
        let mut handlers = self.handlers();
        let same = live.as_ref().is_some_and(|live| live.meta().uid == uid);
        if !same && !uid.is_empty() {
            let change = self.write().gone(key, uid);
            handlers.notify(change);
        }
        let Some(live) = live else {
            return Injected::Taken;
        };
        let (change, injected) = self.inject_object(live, before);
        handlers.notify(change);
        injected
    }

    fn inject_object(&self, live: K, before: &BeforeRead) -> (Option<Change<K>>, Injected) {
        let meta = live.meta();
        let version = version_number(&meta.resource_version);
        let known = self.by_uid(&meta.uid).is_some();
        if self.went_back(&live, before) {
            let change = self.write().set(Arc::new(live));
            return (Some(change), Injected::Skipped);
        }
        if !self.selects(&live) {
            let change = match self.strays() {
                _ if !known => None,
                Some(strays) => {
                    let _ = strays.send((ObjectKey::of(meta), meta.uid.clone()));
                    self.write().put(Arc::new(live))
                }
                None => self
                    .write()
                    .deleted(&ObjectKey::of(meta), &meta.uid, version),
            };
            return (change, Injected::Taken);
        }
        let mut index = self.write();
        // When the read began, the watch should have reported everything up to `before.newest`. So it has lost a
        // later state of the object up to that version.
        let seen = if before.uid == meta.uid {
            before.version
        } else {
            0
        };
        if seen < version && version <= before.newest {
            return (index.put(Arc::new(live)), Injected::Skipped);
        }
        // The watch has got past this version and doesn't show the object. So the object is deleted since, and the
        // deletion overtook this answer.
        if !known && version <= index.newest {
            return (None, Injected::Overtaken);
        }
        (index.put(Arc::new(live)), Injected::Taken)
    }

    /// Whether a live read found an older state than was known before the read began. Then the API server's data was
    /// restored from a backup, and versions don't compare.
    fn went_back(&self, live: &K, before: &BeforeRead) -> bool {
        let meta = live.meta();
        before.uid == meta.uid
            && version_number(&meta.resource_version) < before.version
            && self.state_of(&meta.uid).map(|(version, _)| version) == Some(before.version)
    }

    /// A stray is gone: no event will come, so nothing needs to be remembered.
    pub(crate) fn stray_gone(&self, key: &ObjectKey, uid: &str) {
        let mut handlers = self.handlers();
        let change = {
            let mut index = self.write();
            let change = index.gone(key, uid);
            index.forget_tombstone(uid);
            change
        };
        handlers.notify(change);
    }

    /// A stray is alive, and this is its state, read after `before` was known.
    pub(crate) fn stray_alive(&self, live: K, before: &BeforeRead) {
        let mut handlers = self.handlers();
        let went_back = self.went_back(&live, before);
        let change = {
            let mut index = self.write();
            let known = index.by_uid(&live.meta().uid).is_some();
            match (known, went_back) {
                (false, _) => None,
                (true, false) => index.put(Arc::new(live)),
                (true, true) => Some(index.set(Arc::new(live))),
            }
        };
        handlers.notify(change);
    }

    pub(crate) fn selects(&self, object: &K) -> bool {
        let selection = self.inner.selection.get();
        let selector = selection.and_then(|selection| selection.label_selector.as_deref());
        selector.is_none_or(|selector| selector::matches(selector, &object.meta().labels))
    }
}

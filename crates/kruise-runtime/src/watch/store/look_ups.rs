//! What readers ask of a store.

use std::sync::Arc;

use kruise_api::{object::Object, resource::ObjectKey, shared_list::SharedList};

use super::Store;

impl<K: Object> Store<K> {
    /// The object with this key.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.read().get(key).cloned()
    }

    /// The object with this UID.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<Arc<K>> {
        self.read().by_uid(uid).cloned()
    }

    /// All objects with an owner reference to this UID, managing or not, sorted by namespace and name.
    #[must_use]
    pub fn by_owner(&self, uid: &str) -> Vec<Arc<K>> {
        self.shared_by_owner(uid).iter().cloned().collect()
    }

    /// [`Store::by_owner`] for long lists: the list is shared with the store, and with what it returned before.
    #[must_use]
    pub fn shared_by_owner(&self, uid: &str) -> SharedList<Arc<K>> {
        self.read().by_owner(uid)
    }

    /// All objects in this namespace without any owner reference, sorted by name.
    #[must_use]
    pub fn without_owner(&self, namespace: &str) -> Vec<Arc<K>> {
        let mut objects = self.by_owner("");
        objects.retain(|object| object.meta().namespace == namespace);
        objects
    }

    /// All objects in this namespace whose name begins with `prefix`, sorted by name.
    #[must_use]
    pub fn named(&self, namespace: &str, prefix: &str) -> Vec<Arc<K>> {
        self.read().named(namespace, prefix)
    }

    /// All objects in this namespace, sorted by name.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.read().in_namespace(namespace)
    }

    /// All objects, sorted by namespace and name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().all()
    }

    /// Number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

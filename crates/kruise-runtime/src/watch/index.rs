//! The tables behind a store: objects by key, and keys by what readers ask for. An index is plain data: it knows
//! which of two versions is newer, and nothing of watches.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use kruise_api::{
    meta::ObjectMeta, object::Object, resource::ObjectKey, shared_list::SharedList, text::Text,
};

use crate::watch::version::version_number;

/// An object before and after a change.
pub(crate) struct Change<K> {
    pub(crate) old: Option<Arc<K>>,
    pub(crate) new: Option<Arc<K>>,
}

/// What a complete list changes.
pub(crate) struct Difference<K> {
    version: u64,
    /// Whether the list comes from data that was restored from a backup.
    pub(crate) restored: bool,
    /// What the list lacks.
    pub(crate) missing: Vec<(ObjectKey, String)>,
    /// What is new, or other than before.
    put: Vec<Arc<K>>,
    /// UIDs of all that is listed.
    uids: HashSet<String>,
}

pub(crate) struct Index<K> {
    objects: BTreeMap<ObjectKey, Arc<K>>,
    by_uid: HashSet<ByUid<K>>,
    by_owner: HashMap<Text, SharedList<Arc<K>>>,
    /// UIDs that a live read found gone before the watch said so. A UID never comes back, so an event about such a
    /// UID is old. A UID is forgotten when the watch reports the deletion, or a list lacks the object.
    tombstones: BTreeSet<String>,
    /// Highest version seen in an event, a bookmark or a list. A live read's version doesn't count: it says nothing
    /// of other objects.
    pub(crate) newest: u64,
}

/// An object in a set that is searched by UID: no copy of the UID is kept beside the object.
pub(crate) struct ByUid<K>(pub(crate) Arc<K>);

impl<K: Object> Borrow<str> for ByUid<K> {
    fn borrow(&self) -> &str {
        &self.0.meta().uid
    }
}

impl<K: Object> Hash for ByUid<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.meta().uid.hash(state);
    }
}

impl<K: Object> PartialEq for ByUid<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0.meta().uid == other.0.meta().uid
    }
}

impl<K: Object> Eq for ByUid<K> {}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            by_uid: HashSet::new(),
            by_owner: HashMap::new(),
            tombstones: BTreeSet::new(),
            newest: 0,
        }
    }
}

impl<K: Object> Index<K> {
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Arc<K>> {
        self.objects.get(key)
    }

    pub(crate) fn by_uid(&self, uid: &str) -> Option<&Arc<K>> {
        self.by_uid.get(uid).map(|ByUid(object)| object)
    }

    pub(crate) fn by_owner(&self, uid: &str) -> SharedList<Arc<K>> {
        self.by_owner.get(uid).cloned().unwrap_or_default()
    }

    /// Objects in this namespace whose name begins with `prefix`, sorted by name.
    pub(crate) fn named(&self, namespace: &str, prefix: &str) -> Vec<Arc<K>> {
        self.objects
            .range(ObjectKey::new(namespace, prefix)..)
            .take_while(|(key, _)| key.namespace == namespace && key.name.starts_with(prefix))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        self.objects
            .range(ObjectKey::new(namespace, "")..)
            .take_while(|(key, _)| key.namespace == namespace)
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.objects.values().cloned().collect()
    }

    pub(crate) fn saw(&mut self, version: u64) {
        self.newest = self.newest.max(version);
    }

    pub(crate) fn has_tombstone(&self, uid: &str) -> bool {
        self.tombstones.contains(uid)
    }

    /// Puts an object in, unless the stored one is as new. Says what changed.
    pub(crate) fn put(&mut self, object: Arc<K>) -> Option<Change<K>> {
        let meta = object.meta();
        if self.tombstones.contains(&meta.uid) {
            return None;
        }
        let key = ObjectKey::of(meta);
        let known = self
            .objects
            .get(&key)
            .map(|known| version_number(&known.meta().resource_version));
        if known.is_some_and(|known| known >= version_number(&meta.resource_version)) {
            return None;
        }
        Some(self.set(object))
    }

    /// Puts an object in, whatever is stored.
    pub(crate) fn set(&mut self, object: Arc<K>) -> Change<K> {
        let key = ObjectKey::of(object.meta());
        let old = self.objects.insert(key, Arc::clone(&object));
        if let Some(old) = &old {
            self.unlink(old, Some(&object));
        }
        self.by_uid.replace(ByUid(Arc::clone(&object)));
        for owner in owners(object.meta()) {
            let objects = self.by_owner.entry(owner).or_default();
            objects.put(Arc::clone(&object), by_key);
        }
        Change {
            old,
            new: Some(object),
        }
    }

    /// The watch says that an object is gone since `version`.
    pub(crate) fn deleted(
        &mut self,
        key: &ObjectKey,
        uid: &str,
        version: u64,
    ) -> Option<Change<K>> {
        self.tombstones.remove(uid);
        let known = self.objects.get(key)?;
        // Newer: another object of that name, or this object as a later live read found it.
        let newer = version_number(&known.meta().resource_version) > version;
        if newer || known.meta().uid != uid {
            return None;
        }
        let old = self.take(key);
        Some(Change { old, new: None })
    }

    /// A live read says that the object with this UID is gone.
    pub(crate) fn gone(&mut self, key: &ObjectKey, uid: &str) -> Option<Change<K>> {
        let known = self.objects.get(key)?;
        if known.meta().uid != uid {
            return None;
        }
        self.tombstones.insert(uid.to_owned());
        let old = self.take(key);
        Some(Change { old, new: None })
    }

    pub(crate) fn forget_tombstone(&mut self, uid: &str) {
        self.tombstones.remove(uid);
    }

    /// What a complete list of this version changes. `undecodable` are listed too, but can't be read. This changes
    /// nothing yet, so readers wait only for [`Index::enter`].
    ///
    /// Versions compare as long as the data is the same. A list that is older than what was seen comes from data that
    /// was restored from a backup: then that list alone counts.
    pub(crate) fn difference(
        &self,
        listed: Vec<Arc<K>>,
        undecodable: &[ObjectKey],
        version: u64,
    ) -> Difference<K> {
        let restored = version < self.newest;
        // Newer: an object that a live read found later than the list.
        let is_newer =
            |known: &K| !restored && version_number(&known.meta().resource_version) > version;
        let uids = listed.iter().map(|object| object.meta().uid.clone());
        let uids: HashSet<String> = uids.collect();
        // An object that can't be read stays as it was known, unless it was known from data that is no more.
        let kept = undecodable.iter().filter(|_| !restored).cloned();
        let mut there: HashSet<ObjectKey> = kept.collect();
        let mut put = vec![];
        for object in listed {
            let key = ObjectKey::of(object.meta());
            let keep = match self.objects.get(&key) {
                Some(known) => is_newer(known) || Arc::ptr_eq(known, &object) || *known == object,
                None => false,
            };
            let is_gone = !restored && self.tombstones.contains(&object.meta().uid);
            if !keep && !is_gone {
                put.push(object);
            }
            there.insert(key);
        }
        let missing = self
            .objects
            .iter()
            .filter(|(key, known)| !there.contains(*key) && !is_newer(known));
        Difference {
            version,
            restored,
            missing: missing
                .map(|(key, known)| (key.clone(), known.meta().uid.clone()))
                .collect(),
            put,
            uids,
        }
    }

    /// Applies what a complete list changes. Says what changed.
    pub(crate) fn enter(&mut self, difference: Difference<K>) -> Vec<Change<K>> {
        let Difference {
            version,
            restored,
            missing,
            put,
            uids,
        } = difference;
        let mut changes = vec![];
        for (key, _) in missing {
            let old = self.take(&key);
            changes.push(Change { old, new: None });
        }
        changes.extend(put.into_iter().map(|object| self.set(object)));
        if restored {
            self.tombstones.clear();
            self.newest = version;
        } else {
            // Tombstones of UIDs that the list lacks are no longer needed.
            self.tombstones.retain(|uid| uids.contains(uid));
            self.saw(version);
        }
        changes
    }

    fn take(&mut self, key: &ObjectKey) -> Option<Arc<K>> {
        let old = self.objects.remove(key)?;
        self.unlink(&old, None);
        Some(old)
    }

    /// Takes an object out of the tables, except where the object that replaces it has the same entry.
    fn unlink(&mut self, old: &Arc<K>, new: Option<&Arc<K>>) {
        let new = new.map(|new| new.meta());
        if new.is_none_or(|new| new.uid != old.meta().uid) {
            self.by_uid.remove(old.meta().uid.as_str());
        }
        for owner in owners(old.meta()) {
            if new.is_some_and(|new| owners(new).any(|its| its == owner)) {
                continue;
            }
            if let Some(objects) = self.by_owner.get_mut(&owner) {
                objects.remove(old, by_key);
                if objects.is_empty() {
                    self.by_owner.remove(&owner);
                }
            }
        }
    }
}

pub(crate) fn by_key<K: Object>(a: &Arc<K>, b: &Arc<K>) -> Ordering {
    let (a, b) = (a.meta(), b.meta());
    (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
}

/// UIDs of the object's owners; the empty UID if it has none.
fn owners(meta: &ObjectMeta) -> impl Iterator<Item = Text> {
    let owners = &meta.owner_references;
    let nobody = owners.is_empty().then(Text::default);
    owners.iter().map(|owner| owner.uid.clone()).chain(nobody)
}

#[cfg(test)]
mod tests {
    use kruise_api::pod::Pod;
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, version: &str, owners: &[&str]) -> Arc<Pod> {
        let owners: Vec<_> = owners.iter().map(|uid| json!({ "uid": uid })).collect();
        let metadata = json!({
            "namespace": namespace, "name": name, "uid": format!("{namespace}/{name}"),
            "resourceVersion": version, "ownerReferences": owners,
        });
        Arc::new(serde_json::from_value(json!({ "metadata": metadata })).unwrap())
    }

    fn names<'a>(pods: impl IntoIterator<Item = &'a Arc<Pod>>) -> Vec<&'a str> {
        let pods = pods.into_iter();
        pods.map(|pod| pod.metadata.name.as_str()).collect()
    }

    #[test]
    fn what_nobody_owns_is_found_until_somebody_does() {
        let mut index = Index::default();
        index.put(pod("ns", "a", "1", &[]));
        index.put(pod("ns", "b", "2", &["s"]));
        assert_eq!(names(index.by_owner("").iter()), ["a"]);
        index.put(pod("ns", "a", "3", &["s"]));
        index.put(pod("ns", "b", "4", &[]));
        assert_eq!(names(index.by_owner("").iter()), ["b"]);
        assert_eq!(names(index.by_owner("s").iter()), ["a"]);
        index.deleted(&ObjectKey::new("ns", "b"), "ns/b", 5);
        assert_eq!(names(index.by_owner("").iter()), [""; 0]);
    }

    #[test]
    fn objects_are_found_by_the_beginning_of_their_names() {
        let mut index = Index::default();
        for (namespace, name) in [
            ("a", "web-1"),
            ("ns", "web"),
            ("ns", "web-2"),
            ("ns", "web-1"),
            ("ns", "wec"),
            ("o", "web-3"),
        ] {
            index.put(pod(namespace, name, "1", &[]));
        }
        assert_eq!(names(&index.named("ns", "web-")), ["web-1", "web-2"]);
        assert_eq!(names(&index.named("ns", "")).len(), 4);
    }
}

//! What a watch has seen, for readers. The watch task writes, and so does whoever injects the answer
//! of a live read; one lock orders them, and change handlers run under it, so that every handler sees
//! all changes in one order.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use kruise_api::shared_list::SharedList;
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};

use crate::{
    index::{Change, Index},
    object::{Object, version_number},
    queue::Queue,
    resource::{ObjectKey, Resource},
    selector,
    store_view::{BeforeRead, Injected, StoreView},
    watch_order::{Wanted, WatchOrder},
};

/// Called with the object before and after a change, and with how the change came about.
type Handler<K> = Box<dyn FnMut(Option<&K>, Option<&K>, Cause) + Send>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Change,
    /// Nothing happened; everybody shall look at everything again.
    Replay,
}

/// The objects of one kind as the watch has seen them. Clones share them.
pub struct Store<K> {
    inner: Arc<Inner<K>>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

struct Inner<K> {
    resource: Resource,
    /// Known when the watch begins.
    selection: OnceLock<Selection>,
    index: RwLock<Index<K>>,
    /// Held over a change and its handlers: makes writers take turns.
    handlers: Mutex<Vec<Handler<K>>>,
    synced: AtomicBool,
    /// How many complete lists were taken.
    lists: AtomicU64,
    kind_missing: AtomicBool,
    wanted: Mutex<Wanted>,
    wake_watch: Notify,
    /// Nobody is told who doesn't wait just then.
    hurry_watch: Notify,
}

/// What of the kind the watch shows.
#[derive(Default)]
struct Selection {
    label_selector: Option<String>,
    /// Where objects go that are alive but no longer selected; `None`: they count as gone.
    strays: Option<Strays>,
}

type Strays = mpsc::UnboundedSender<(ObjectKey, String)>;

impl<K: Object> Store<K> {
    /// An empty store, with nobody who fills it: a start for tests of readers.
    #[must_use]
    pub fn new(resource: Resource) -> Self {
        Self {
            inner: Arc::new(Inner {
                resource,
                selection: OnceLock::new(),
                index: RwLock::default(),
                handlers: Mutex::default(),
                synced: AtomicBool::new(false),
                lists: AtomicU64::new(0),
                kind_missing: AtomicBool::new(false),
                wanted: Mutex::default(),
                wake_watch: Notify::new(),
                hurry_watch: Notify::new(),
            }),
        }
    }

    /// Says what of the kind the watch shows. Once, before the first object.
    pub(crate) fn select(&self, label_selector: Option<String>, strays: Option<Strays>) {
        let selection = Selection {
            label_selector,
            strays,
        };
        let first = self.inner.selection.set(selection).is_ok();
        debug_assert!(first, "a store is filled by one watch");
    }

    fn strays(&self) -> Option<&Strays> {
        self.inner.selection.get()?.strays.as_ref()
    }

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

    /// The same, where they may be many: shared with the store, and with what it gave before.
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

    /// All objects in this namespace whose name begins so, sorted by name.
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

    /// Calls `keys` for every change, with the object before and after it, and adds the keys it
    /// returns to the queue. For the time before the watch starts: earlier objects aren't reported.
    pub fn on_change<F>(&self, queue: &Queue, mut keys: F)
    where
        F: FnMut(Option<&K>, Option<&K>) -> Vec<ObjectKey> + Send + 'static,
    {
        let queue = queue.clone();
        self.handlers().push(Box::new(move |old, new, cause| {
            for key in keys(old, new) {
                match cause {
                    Cause::Change => queue.add(key),
                    Cause::Replay => queue.add_resync(key),
                }
            }
        }));
    }

    /// Calls `gone` with the last state of each object that goes.
    pub(crate) fn on_gone(&self, mut gone: impl FnMut(&K) + Send + 'static) {
        self.handlers().push(Box::new(move |old, new, _| {
            if let (Some(old), None) = (old, new) {
                gone(old);
            }
        }));
    }

    /// Takes an event that says that the object is now so.
    pub fn apply(&self, object: K) {
        let mut handlers = self.handlers();
        let change = {
            let mut index = self.write();
            index.saw(version_number(&object.meta().resource_version));
            index.put(Arc::new(object))
        };
        notify(&mut handlers, change);
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
        notify(&mut handlers, change);
    }

    /// Notes a version from a bookmark, or of an object that couldn't be decoded.
    pub fn saw_version(&self, version: &str) {
        let _in_turn = self.handlers();
        self.write().saw(version_number(version));
    }

    /// Takes a complete list, at once. Objects it lacks are gone, unless a live read is newer than the list;
    /// where objects may leave the selection while alive, they become strays instead.
    /// `undecodable` are listed too, only not readable: what was known of them stays.
    pub fn replace(&self, listed: Vec<K>, undecodable: &[ObjectKey], version: &str) {
        let listed = listed.into_iter().map(Arc::new).collect();
        self.replace_shared(listed, undecodable, version);
    }

    /// The object that is stored, if this is equal: a list that is taken again then costs no second
    /// copy of everything. A version alone would not do: after a restore it may stand for another state.
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
        // Worked out beside the readers, who then see all of it or nothing.
        let mut difference = self.read().difference(listed, undecodable, version);
        // After a restore versions of before say nothing: the list alone counts.
        if let Some(strays) = self.strays().filter(|_| !difference.restored) {
            for stray in std::mem::take(&mut difference.missing) {
                // Fails only when the watch is being stopped.
                let _ = strays.send(stray);
            }
        }
        let changes = self.write().enter(difference);
        self.inner.synced.store(true, Ordering::Release);
        self.set_kind_missing(false);
        self.inner.lists.fetch_add(1, Ordering::Release);
        for change in changes {
            notify(&mut handlers, Some(change));
        }
    }

    /// Takes the answer of a live read of the object that had this UID: the object of that name, or
    /// `None`. It enters like an event if it is newer; a missing object is remembered by its UID, so
    /// that an older event doesn't bring it back.
    pub fn inject(&self, key: &ObjectKey, uid: &str, live: Option<K>) {
        let before = BeforeRead {
            uid: uid.to_owned(),
            ..BeforeRead::default()
        };
        self.inject_after(key, uid, live, &before);
    }

    /// The same, knowing what was known before the read.
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
            notify(&mut handlers, change);
        }
        let Some(live) = live else {
            return Injected::Taken;
        };
        let (change, injected) = self.inject_object(live, before);
        notify(&mut handlers, change);
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
        // A watch tells everything up to its newest version, so that it has lost what a read finds that
        // began after that.
        let seen = if before.uid == meta.uid {
            before.version
        } else {
            0
        };
        if seen < version && version <= before.newest {
            return (index.put(Arc::new(live)), Injected::Skipped);
        }
        // What it doesn't show of that is gone since: this answer was overtaken by the deletion.
        if !known && version <= index.newest {
            return (None, Injected::Overtaken);
        }
        (index.put(Arc::new(live)), Injected::Taken)
    }

    /// Whether a live read found an older state than was known before it began. So the API server's data
    /// was restored from a backup, and versions don't compare.
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
        notify(&mut handlers, change);
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
        notify(&mut handlers, change);
    }

    pub(crate) fn selects(&self, object: &K) -> bool {
        let selection = self.inner.selection.get();
        let selector = selection.and_then(|selection| selection.label_selector.as_deref());
        selector.is_none_or(|selector| selector::matches(selector, &object.meta().labels))
    }

    /// Takes all objects away, as a complete list without any would.
    pub(crate) fn forget_all(&self) {
        let newest = self.read().newest;
        self.replace_shared(vec![], &[], &newest.to_string());
    }

    pub(crate) fn set_kind_missing(&self, missing: bool) {
        self.inner.kind_missing.store(missing, Ordering::Release);
    }

    pub(crate) async fn watch_woken(&self) {
        self.inner.wake_watch.notified().await;
    }

    pub(crate) async fn watch_hurried(&self) {
        self.inner.hurry_watch.notified().await;
    }

    /// What the watch shall do now. An order is given once.
    pub(crate) fn watch_order(&self) -> WatchOrder {
        let newest = self.read().newest;
        self.wanted().order(newest)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.inner
            .wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn handlers(&self) -> MutexGuard<'_, Vec<Handler<K>>> {
        self.inner
            .handlers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Index<K>> {
        self.inner
            .index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index<K>> {
        self.inner
            .index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn notify<K>(handlers: &mut [Handler<K>], change: Option<Change<K>>) {
    let Some(Change { old, new }) = change else {
        return;
    };
    for handler in handlers {
        handler(old.as_deref(), new.as_deref(), Cause::Change);
    }
}

impl<K: Object> Store<K> {
    /// Highest version that an event, a bookmark or a list had.
    #[must_use]
    pub fn newest_version(&self) -> u64 {
        StoreView::newest_version(self)
    }

    /// Whether a complete list was taken.
    #[must_use]
    pub fn synced(&self) -> bool {
        StoreView::synced(self)
    }
}

impl<K: Object> StoreView for Store<K> {
    fn resource(&self) -> Resource {
        self.inner.resource
    }

    fn newest_version(&self) -> u64 {
        self.read().newest
    }

    fn synced(&self) -> bool {
        self.inner.synced.load(Ordering::Acquire)
    }

    fn lists(&self) -> u64 {
        self.inner.lists.load(Ordering::Acquire)
    }

    fn kind_missing(&self) -> bool {
        self.inner.kind_missing.load(Ordering::Acquire)
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    fn state_of(&self, uid: &str) -> Option<(u64, bool)> {
        let index = self.read();
        let meta = index.by_uid(uid)?.meta();
        Some((
            version_number(&meta.resource_version),
            meta.is_terminating(),
        ))
    }

    fn found_gone(&self, uid: &str) -> bool {
        self.read().has_tombstone(uid)
    }

    fn before_read(&self, key: &ObjectKey) -> BeforeRead {
        let index = self.read();
        let meta = index.get(key).map(|object| object.meta());
        BeforeRead {
            uid: meta.map(|meta| meta.uid.clone()).unwrap_or_default(),
            version: meta.map_or(0, |meta| version_number(&meta.resource_version)),
            newest: index.newest,
        }
    }

    fn inject_live(
        &self,
        key: &ObjectKey,
        uid: &str,
        live: Option<&RawValue>,
        before: &BeforeRead,
    ) -> Result<Injected, serde_json::Error> {
        let live = live
            .map(|live| serde_json::from_str(live.get()))
            .transpose()?;
        let injected = self.inject_after(key, uid, live, before);
        if injected == Injected::Skipped {
            self.wanted().distrust();
            self.inner.wake_watch.notify_one();
        }
        Ok(injected)
    }

    fn want_version(&self, version: u64, within: Duration) {
        let newest = self.read().newest;
        self.wanted().version_within(version, within, newest);
        self.inner.wake_watch.notify_one();
    }

    fn want_list(&self) {
        self.wanted().list();
        self.inner.wake_watch.notify_one();
    }

    fn hurry_watch(&self) {
        self.inner.hurry_watch.notify_waiters();
    }

    fn replay(&self) {
        let mut handlers = self.handlers();
        for object in self.all() {
            for handler in handlers.iter_mut() {
                handler(None, Some(&object), Cause::Replay);
            }
        }
    }
}

//! What a watch has seen, for readers. The watch task writes, and so does whoever injects the answer of a live read.
//! One lock orders these writers. Change handlers run under the same lock, so every handler sees all changes in one
//! order. Followers keep indexes of their own, and hear of a change before anybody is woken by it.

mod changes;
mod live_reads;
mod look_ups;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use kruise_api::{
    object::Object,
    resource::{ObjectKey, Resource},
};
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};

use crate::{
    control::queue::Queue,
    watch::{
        index::{Change, Index},
        order::{Wanted, WatchOrder},
        store_view::{BeforeRead, Injected, StoreView},
        version::version_number,
    },
};

/// Called with the object before and after a change, and with how the change came about.
type Handler<K> = Box<dyn FnMut(Option<&K>, Option<&K>, Trigger) + Send>;
/// Called with the object before and after a change.
type Follower<K> = Box<dyn FnMut(Option<&K>, Option<&K>) + Send>;

/// Who hears of changes.
struct Handlers<K> {
    /// Called first.
    followers: Vec<Follower<K>>,
    others: Vec<Handler<K>>,
}

impl<K> Default for Handlers<K> {
    fn default() -> Self {
        Self {
            followers: vec![],
            others: vec![],
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
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

impl<K> Store<K> {
    /// Nobody hears of changes any more. What hears of them may hold what holds the store, so without this neither would
    /// ever go.
    pub(crate) fn forget_handlers(&self) {
        let handlers = self.inner.handlers.lock();
        let handlers = std::mem::take(&mut *handlers.unwrap_or_else(PoisonError::into_inner));
        // No longer locked, since what goes with them may look into the store.
        drop(handlers);
    }
}

struct Inner<K> {
    resource: Resource,
    /// Known when the watch begins.
    selection: OnceLock<Selection>,
    index: RwLock<Index<K>>,
    /// Locked during a change and its handlers, so that writers take turns.
    handlers: Mutex<Handlers<K>>,
    synced: AtomicBool,
    /// How many complete lists were taken.
    lists: AtomicU64,
    kind_missing: AtomicBool,
    wanted: Mutex<Wanted>,
    wake_watch: Notify,
    /// Wakes only a watch that waits at this moment.
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
    /// An empty store that nobody fills: a start for tests of readers.
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

    /// Says what of the kind the watch shows. To be called once, before the first object.
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

    /// Calls `keys` for every change, with the object before and after it, and adds the returned keys to the queue.
    /// To be called before the watch starts: earlier objects aren't reported.
    pub fn on_change<F>(&self, queue: &Queue, mut keys: F)
    where
        F: FnMut(Option<&K>, Option<&K>) -> Vec<ObjectKey> + Send + 'static,
    {
        let queue = queue.clone();
        self.handlers()
            .others
            .push(Box::new(move |old, new, cause| {
                for key in keys(old, new) {
                    match cause {
                        Trigger::Change => queue.add(key),
                        Trigger::Replay => queue.add_resync(key),
                    }
                }
            }));
    }

    /// Calls `follower` for every change, with the object before and after it: what an index of one's own is made of. The
    /// changes of a complete list are followed before the store counts as synced, and every change before a key enters
    /// a queue because of it. To be called before the watch starts, as [`Store::on_change`].
    pub fn follow(&self, follower: impl FnMut(Option<&K>, Option<&K>) + Send + 'static) {
        self.handlers().followers.push(Box::new(follower));
    }

    /// Calls `gone` with the last state of each object that goes.
    pub(crate) fn on_gone(&self, mut gone: impl FnMut(&K) + Send + 'static) {
        self.handlers().others.push(Box::new(move |old, new, _| {
            if let (Some(old), None) = (old, new) {
                gone(old);
            }
        }));
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

    fn handlers(&self) -> MutexGuard<'_, Handlers<K>> {
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

impl<K> Handlers<K> {
    fn notify(&mut self, change: Option<Change<K>>) {
        if let Some(change) = change {
            self.follow(&change);
            self.wake(&change);
        }
    }

    fn follow(&mut self, Change { old, new }: &Change<K>) {
        for follower in &mut self.followers {
            follower(old.as_deref(), new.as_deref());
        }
    }

    fn wake(&mut self, Change { old, new }: &Change<K>) {
        for handler in &mut self.others {
            handler(old.as_deref(), new.as_deref(), Trigger::Change);
        }
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

    fn wait_for_handlers(&self) {
        drop(self.handlers());
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
            for handler in &mut handlers.others {
                handler(None, Some(&object), Trigger::Replay);
            }
        }
    }
}

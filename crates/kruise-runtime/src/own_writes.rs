//! Reading one's own writes (DV-D2): nothing is decided on a view older than the last write, and
//! nothing is waited for longer than a few seconds.
//!
//! What a write promised to show is noted a write, for the owner that it was made for. `settle` says
//! whether the stores show it by now; what they don't show after 2 s is read live, and the answer goes
//! into the store. There is no expectation that could leak: each note ends with one look at the world.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    api_error::{ApiError, chain},
    client::{ApiClient, PatchKind, Written, name_in},
    metrics::Metrics,
    object::version_number,
    resource::{ObjectKey, Resource},
    store_view::{Injected, StoreView},
};

/// How long a watch may take to show a write before it is read live. A healthy one takes milliseconds.
const READ_LIVE_AFTER: Duration = Duration::from_secs(2);
/// How long the watch may take after that before its connection is opened again.
const RECONNECT_AFTER: Duration = Duration::from_secs(3);
/// Wait after a live read that failed.
const AFTER_FAILED_READ: Duration = Duration::from_secs(1);
/// Live reads at once, for one owner.
const READS_AT_ONCE: usize = 8;

/// Whether an owner may be planned for.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// The stores show all writes made for it.
    Yes,
    /// Not yet.
    No {
        /// The first write that isn't shown.
        waiting_for: String,
        /// When to ask again, if no event comes before.
        again_after: Duration,
    },
}

/// What a write promised to show.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Promise {
    /// The object with this UID, in this version or a later one.
    Version { uid: String, version: u64 },
    /// The object with this UID, terminating or gone.
    Deletion { uid: String },
    /// Nothing: nobody knows whether the write happened, so only a live read can tell.
    Unclear,
}

#[derive(Clone, Debug)]
struct Note {
    id: u64,
    resource: Resource,
    key: ObjectKey,
    promise: Promise,
    since: Instant,
    waited_for: bool,
    leaked: bool,
}

/// Notes of all writes not yet seen, by the UID of the owner they were made for. Clones share them.
#[derive(Clone)]
pub struct OwnWrites {
    inner: Arc<Inner>,
}

struct Inner {
    client: ApiClient,
    metrics: Metrics,
    leaked_after: Duration,
    next_id: AtomicU64,
    notes: Mutex<HashMap<String, Vec<Note>>>,
}

impl OwnWrites {
    /// Without notes. `client` makes the live reads; a note older than `leaked_after`
    /// (`--expectation-timeout`) is counted as leaked, which changes nothing else.
    #[must_use]
    pub fn new(client: ApiClient, leaked_after: Duration, metrics: Metrics) -> Self {
        let inner = Inner {
            client,
            metrics,
            leaked_after,
            next_id: AtomicU64::new(0),
            notes: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// A client that notes what it writes, for the owner with this UID.
    #[must_use]
    pub fn writer(&self, owner_uid: &str, client: ApiClient) -> Writer {
        Writer {
            owner_uid: owner_uid.to_owned(),
            client,
            own_writes: self.clone(),
        }
    }

    /// Whether these stores show all writes made for the owner. Reads live what they should show by
    /// now and don't. Writes to a kind that none of the stores holds aren't waited for: who reads that
    /// kind, reads it live.
    pub async fn settle(&self, owner_uid: &str, stores: &[&dyn StoreView]) -> Settled {
        let open = self.open(owner_uid, stores);
        if open.is_empty() {
            return Settled::Yes;
        }
        self.inner.metrics.own_write_waits.inc();
        let (due, early): (Vec<_>, Vec<_>) = open.into_iter().partition(|note| note.is_due(stores));
        let read = futures::stream::iter(due)
            .map(|note| async move {
                let answered = self.read_live(&note, stores).await;
                (note, answered)
            })
            .buffer_unordered(READS_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let (answered, unanswered): (Vec<_>, Vec<_>) =
            read.into_iter().partition(|(_, answered)| *answered);
        self.close(owner_uid, answered.into_iter().map(|(note, _)| note));
        let unanswered = unanswered
            .into_iter()
            .map(|(note, _)| (note, AFTER_FAILED_READ));
        let early = early.into_iter().map(|note| {
            let wait = note.due_after();
            (note, wait)
        });
        match unanswered.chain(early).min_by_key(|(_, wait)| *wait) {
            None => Settled::Yes,
            Some((note, again_after)) => Settled::No {
                waiting_for: note.to_string(),
                again_after,
            },
        }
    }

    /// When to look at the owner again, if no event comes before, after something was written for it. An
    /// event usually comes; where the watch shows none, nobody else would ever ask what became of the writes.
    #[must_use]
    pub fn look_again_after(&self, owner_uid: &str) -> Option<Duration> {
        let notes = self.notes();
        let waits = notes.get(owner_uid)?.iter().map(Note::due_after);
        waits.min()
    }

    /// Whether a write made for the owner has not been seen within `--expectation-timeout`.
    #[must_use]
    pub fn overdue(&self, owner_uid: &str) -> bool {
        self.notes()
            .get(owner_uid)
            .is_some_and(|notes| notes.iter().any(|note| note.leaked))
    }

    /// Forgets an owner that is gone.
    pub fn forget(&self, owner_uid: &str) {
        self.notes().remove(owner_uid);
    }

    /// Drops the notes that the stores meet, and returns the others.
    fn open(&self, owner_uid: &str, stores: &[&dyn StoreView]) -> Vec<Note> {
        let mut all = self.notes();
        let Some(notes) = all.get_mut(owner_uid) else {
            return vec![];
        };
        notes.retain_mut(|note| {
            let store = note.store(stores);
            if store.is_none_or(|store| note.promise.is_kept(store)) {
                if note.waited_for {
                    self.inner
                        .metrics
                        .own_write_wait
                        .observe(note.since.elapsed().as_secs_f64());
                }
                return false;
            }
            note.waited_for = true;
            if !note.leaked && note.since.elapsed() >= self.inner.leaked_after {
                note.leaked = true;
                self.inner.metrics.own_writes_leaked.inc();
            }
            true
        });
        let open = notes.clone();
        if open.is_empty() {
            all.remove(owner_uid);
        }
        open
    }

    /// Whether the world told its state, so that the note has done its duty.
    async fn read_live(&self, note: &Note, stores: &[&dyn StoreView]) -> bool {
        let Some(store) = note.store(stores) else {
            return true;
        };
        self.inner.metrics.own_write_live_reads.inc();
        let uid = match &note.promise {
            Promise::Version { uid, .. } | Promise::Deletion { uid } => Some(uid.as_str()),
            Promise::Unclear => None,
        };
        match self.inject_live(store, &note.key, uid).await {
            Ok(injected) => injected != Injected::Overtaken,
            Err(error) => {
                tracing::warn!(%note, error = chain(&error), "can't read an own write live");
                false
            }
        }
    }

    /// Reads an object live of which nothing was heard for so long that the watch may have lost an event about
    /// it. The answer enters the store like an event.
    pub async fn look_live(&self, store: &dyn StoreView, key: &ObjectKey) {
        self.inner.metrics.doubtful_live_reads.inc();
        if let Err(error) = self.inject_live(store, key, None).await {
            let error = chain(&error);
            tracing::debug!(resource = %store.resource(), object = %key, error, "can't read live");
        }
    }

    /// Reads the object that has, or should have, this UID: unless it is told, that of the one in the store.
    async fn inject_live(
        &self,
        store: &dyn StoreView,
        key: &ObjectKey,
        uid: Option<&str>,
    ) -> Result<Injected, ApiError> {
        let resource = store.resource();
        let before = store.before_read(key);
        let live = self.inner.client.get(&resource, key).await?;
        let uid = uid.unwrap_or(&before.uid);
        let version = live.as_ref().map_or(0, version_in);
        tracing::debug!(%resource, object = %key, found = live.is_some(), version, "read live");
        let injected = store
            .inject_live(key, uid, live, &before)
            .unwrap_or_else(|error| {
                // The watch skips the object for the same reason, so there is nothing to wait for.
                tracing::error!(%resource, object = %key, %error, "can't decode what was read live");
                Injected::Taken
            });
        if injected == Injected::Skipped {
            let seen = before.newest;
            tracing::warn!(%resource, object = %key, seen, "the watch got past a change without showing it");
        }
        if store.newest_version() < version {
            store.want_version(version, RECONNECT_AFTER);
        }
        Ok(injected)
    }

    fn close(&self, owner_uid: &str, answered: impl Iterator<Item = Note>) {
        let answered: Vec<_> = answered.collect();
        let mut all = self.notes();
        for note in &answered {
            self.inner
                .metrics
                .own_write_wait
                .observe(note.since.elapsed().as_secs_f64());
        }
        if let Some(notes) = all.get_mut(owner_uid) {
            notes.retain(|note| !answered.iter().any(|answered| answered.id == note.id));
            if notes.is_empty() {
                all.remove(owner_uid);
            }
        }
    }

    fn note(&self, owner_uid: &str, resource: Resource, key: ObjectKey, promise: Promise) {
        let note = Note {
            id: self.inner.next_id.fetch_add(1, Ordering::Relaxed),
            resource,
            key,
            promise,
            since: Instant::now(),
            waited_for: false,
            leaked: false,
        };
        let mut all = self.notes();
        let notes = all.entry(owner_uid.to_owned()).or_default();
        // A later promise about the same object contains the earlier one.
        notes.retain(|earlier| !note.contains(earlier));
        notes.push(note);
    }

    fn notes(&self) -> MutexGuard<'_, HashMap<String, Vec<Note>>> {
        self.inner
            .notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Promise {
    fn is_kept(&self, store: &dyn StoreView) -> bool {
        match self {
            Self::Version { uid, version } => {
                store
                    .state_of(uid)
                    .is_some_and(|(seen, _)| seen >= *version)
                    || store.found_gone(uid)
            }
            Self::Deletion { uid } => store
                .state_of(uid)
                .is_none_or(|(_, is_terminating)| is_terminating),
            Self::Unclear => false,
        }
    }
}

impl Note {
    /// Whether it is time for a live read. Of a watch that got past a write without showing it nothing more
    /// will come: the object is gone, or its event is.
    fn is_due(&self, stores: &[&dyn StoreView]) -> bool {
        let passed = match self.promise {
            Promise::Version { version, .. } => self
                .store(stores)
                .is_some_and(|store| store.newest_version() >= version),
            Promise::Deletion { .. } => false,
            Promise::Unclear => true,
        };
        passed || self.since.elapsed() >= READ_LIVE_AFTER
    }

    fn due_after(&self) -> Duration {
        match self.promise {
            Promise::Unclear => Duration::ZERO,
            _ => READ_LIVE_AFTER.saturating_sub(self.since.elapsed()),
        }
    }

    fn store<'a>(&self, stores: &[&'a dyn StoreView]) -> Option<&'a dyn StoreView> {
        stores
            .iter()
            .find(|store| store.resource() == self.resource)
            .copied()
    }

    fn contains(&self, earlier: &Self) -> bool {
        let same_object = self.resource == earlier.resource && self.key == earlier.key;
        same_object
            && match (&self.promise, &earlier.promise) {
                (
                    Promise::Version { uid, version },
                    Promise::Version {
                        uid: other,
                        version: before,
                    },
                ) => uid == other && version >= before,
                (Promise::Unclear, Promise::Unclear) => true,
                (Promise::Deletion { uid }, Promise::Deletion { uid: other }) => uid == other,
                _ => false,
            }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            resource,
            key,
            promise,
            ..
        } = self;
        match promise {
            Promise::Version { version, .. } => {
                write!(formatter, "{resource} {key} at version {version}")
            }
            Promise::Deletion { uid } => write!(formatter, "deletion of {resource} {key} ({uid})"),
            Promise::Unclear => write!(formatter, "what became of {resource} {key}"),
        }
    }
}

fn version_in(object: &Value) -> u64 {
    let version = object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str);
    version.map_or(0, version_number)
}

/// A client that notes what it writes.
#[derive(Clone)]
pub struct Writer {
    owner_uid: String,
    client: ApiClient,
    own_writes: OwnWrites,
}

impl Writer {
    /// [`ApiClient::create_briefly`]. The object must have a name: only by it can be found out what became of
    /// a call without an answer.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<Written, ApiError> {
        let key = ObjectKey::new(namespace, name_in(object));
        let answer = self
            .client
            .create_briefly(resource, namespace, object)
            .await;
        match &answer {
            Ok(created) => self.note_version(*resource, key, created),
            Err(error) => {
                if error.may_have_happened() || matches!(error, ApiError::AlreadyExists { .. }) {
                    self.note(*resource, key, Promise::Unclear);
                }
            }
        }
        answer
    }

    /// [`ApiClient::patch_briefly`].
    ///
    /// # Errors
    /// When the call fails.
    pub async fn patch(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<Written, ApiError> {
        let answer = self
            .client
            .patch_briefly(resource, key, subresource, kind, patch)
            .await;
        match &answer {
            Ok(patched) => self.note_version(*resource, key.clone(), patched),
            Err(error) => {
                // After a conflict or a 404 the store is behind; planning again before it has caught up
                // would only fail again.
                let behind = matches!(error, ApiError::Conflict { .. } | ApiError::NotFound { .. });
                if behind || error.may_have_happened() {
                    self.note(*resource, key.clone(), Promise::Unclear);
                }
            }
        }
        answer
    }

    /// [`ApiClient::dry_run_patch`].
    ///
    /// # Errors
    /// When the patch would fail.
    pub async fn dry_run_patch(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<(), ApiError> {
        let answer = self
            .client
            .dry_run_patch(resource, key, subresource, kind, patch)
            .await;
        // As after a patch: the store is behind.
        if let Err(ApiError::Conflict { .. } | ApiError::NotFound { .. }) = &answer {
            self.note(*resource, key.clone(), Promise::Unclear);
        }
        answer
    }

    /// The same, as [`ApiClient::prepaid`].
    pub async fn prepaid(&self, n_calls: usize) -> Self {
        Self {
            client: self.client.prepaid(n_calls).await,
            ..self.clone()
        }
    }

    /// [`ApiClient::delete`].
    ///
    /// # Errors
    /// When the call fails.
    pub async fn delete(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        uid: &str,
    ) -> Result<(), ApiError> {
        let answer = self.client.delete(resource, key, uid).await;
        match &answer {
            // A conflict says that the name belongs to another object, so this one is gone.
            Ok(()) | Err(ApiError::NotFound { .. } | ApiError::Conflict { .. }) => {
                self.note(
                    *resource,
                    key.clone(),
                    Promise::Deletion {
                        uid: uid.to_owned(),
                    },
                );
            }
            Err(error) if error.may_have_happened() => {
                self.note(*resource, key.clone(), Promise::Unclear);
            }
            Err(_) => {}
        }
        answer
    }

    /// The client without notes, for reads.
    #[must_use]
    pub fn client(&self) -> &ApiClient {
        &self.client
    }

    fn note_version(&self, resource: Resource, key: ObjectKey, written: &Written) {
        let promise = Promise::Version {
            uid: written.uid.clone(),
            version: version_number(&written.resource_version),
        };
        self.note(resource, key, promise);
    }

    fn note(&self, resource: Resource, key: ObjectKey, promise: Promise) {
        self.own_writes
            .note(&self.owner_uid, resource, key, promise);
    }
}

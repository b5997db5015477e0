//! Reading one's own writes (DV-D2): nothing is decided on a view older than the last write, and
//! nothing is waited for longer than a few seconds.
//!
//! Each write leaves a note of what it promised to show, for the owner that it was made for. `settle` says whether
//! the stores show it by now. What they don't show after 2 s is read live, and the answer goes into the store. There
//! is no expectation that could leak: each note ends with one look at the world.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use kruise_api::resource::{ObjectKey, PatchKind, Resource};
use serde_json::Value;

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
        written::{Written, name_in},
    },
    control::write_notes::{Looked, Note, Notes, Promise},
    tell::metrics::Metrics,
    watch::{
        line,
        store_view::{Injected, StoreView},
        version::version_number,
    },
};

/// How long the watch may take after a live read before its connection is opened again.
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

/// Notes of all writes not yet seen, by the UID of the owner they were made for. Clones share them.
#[derive(Clone)]
pub struct OwnWrites {
    inner: Arc<Inner>,
}

struct Inner {
    client: ApiClient,
    metrics: Metrics,
    leaked_after: Duration,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    by_owner: HashMap<String, Notes>,
    next_id: u64,
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
            noted: Mutex::default(),
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
        let Some(Looked { due, early, .. }) = self.look(owner_uid, stores) else {
            return Settled::Yes;
        };
        self.inner.metrics.own_write_waits.inc();
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
        self.noted().by_owner.get(owner_uid)?.due_after()
    }

    /// Whether a write made for the owner has not been seen within `--expectation-timeout`.
    #[must_use]
    pub fn overdue(&self, owner_uid: &str) -> bool {
        let noted = self.noted();
        let notes = noted.by_owner.get(owner_uid);
        notes.is_some_and(Notes::has_leaked)
    }

    /// Forgets an owner that is gone. Whoever remembers owners by name must also call this when another owner has
    /// taken the name.
    pub fn forget(&self, owner_uid: &str) {
        self.noted().by_owner.remove(owner_uid);
    }

    /// Drops the notes that the stores meet; `None` when no notes are left.
    fn look(&self, owner_uid: &str, stores: &[&dyn StoreView]) -> Option<Looked> {
        let mut noted = self.noted();
        let notes = noted.by_owner.get_mut(owner_uid)?;
        let looked = notes.look(stores, self.inner.leaked_after);
        let is_settled = notes.is_empty();
        if is_settled {
            noted.by_owner.remove(owner_uid);
        }
        drop(noted);
        for wait in &looked.waits {
            let wait = wait.as_secs_f64();
            self.inner.metrics.own_write_wait.observe(wait);
        }
        self.inner.metrics.own_writes_leaked.inc_by(looked.leaked);
        (!is_settled).then_some(looked)
    }

    /// Reads live what a write has come to. Returns whether that is known now, so that the note has done its duty.
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
            Err(error) if error.was_withheld() => false,
            Err(error) => {
                tracing::warn!(%note, error = chain(&error), "can't read an own write live");
                false
            }
        }
    }

    /// Reads an object live of which nothing was heard for so long that the watch may have lost an event about
    /// it. The answer enters the store like an event. Returns whether the store shows what the answer has told.
    pub async fn look_live(&self, store: &dyn StoreView, key: &ObjectKey) -> bool {
        self.inner.metrics.doubtful_live_reads.inc();
        match self.inject_live(store, key, None).await {
            Ok(injected) => injected != Injected::Overtaken,
            Err(error) => {
                let error = chain(&error);
                tracing::debug!(resource = %store.resource(), object = %key, error, "can't read live");
                false
            }
        }
    }

    /// Reads an object live. `uid` is the UID that it has, or should have; if none is given, that of the object in
    /// the store counts.
    async fn inject_live(
        &self,
        store: &dyn StoreView,
        key: &ObjectKey,
        uid: Option<&str>,
    ) -> Result<Injected, ApiError> {
        let resource = store.resource();
        let before = store.before_read(key);
        let live = self.inner.client.get_text(&resource, key).await?;
        let live = live.as_deref();
        let uid = uid.unwrap_or(&before.uid);
        let version = live.map_or(0, |live| version_number(&line::version_of(live)));
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
        let mut noted = self.noted();
        let mut notes = noted.by_owner.get_mut(owner_uid);
        for note in answered {
            let wait = note.since.elapsed().as_secs_f64();
            self.inner.metrics.own_write_wait.observe(wait);
            if let Some(notes) = &mut notes {
                notes.close(&note);
            }
        }
        if notes.is_some_and(|notes| notes.is_empty()) {
            noted.by_owner.remove(owner_uid);
        }
    }

    fn note(&self, owner_uid: &str, resource: Resource, key: ObjectKey, promise: Promise) {
        let mut noted = self.noted();
        let id = noted.next_id;
        noted.next_id += 1;
        let notes = noted.by_owner.entry(owner_uid.to_owned()).or_default();
        notes.add(id, resource, key, promise);
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.inner
            .noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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
        version: Option<&str>,
    ) -> Result<(), ApiError> {
        let answer = self.client.delete(resource, key, uid, version).await;
        match &answer {
            // It may have changed only, or be gone: a look tells.
            Err(ApiError::Conflict { .. }) if version.is_some() => {
                self.note(*resource, key.clone(), Promise::Unclear);
            }
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

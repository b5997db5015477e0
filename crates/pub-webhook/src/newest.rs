//! The newest copies of budgets that this process knows, and how their statuses are written (PB-46 to PB-50). The webhook
//! and the reconciler share them.
//!
//! A status is written for the version on which it rests. So of two who spend the same unit one meets a conflict, in this
//! process or in another one, and decides anew on what is left. Within a process they take turns: each attempt on one budget
//! goes on alone, and nobody waits in his turn.
//!
//! An answer that writes nothing meets no conflict. If it lets a pod go, or keeps it, because of what an old copy says, the
//! API server is asked whether the copy is still the newest ([`Attempt::IfStored`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{ObjectKey, PatchKind},
};
use kruise_runtime::{ApiClient, ApiError, random_number};
use serde_json::Value;

use crate::{budget::Budget, stored::Stored};

/// How often a status is written that meets conflicts (PB-47).
const ATTEMPTS: u32 = 4;
/// The shortest pause before the next attempt (PB-47).
const PAUSE: Duration = Duration::from_millis(500);
/// By how much a pause may be longer.
const LARGEST_JITTER: f64 = 0.1;
/// Turns of so many budgets may be remembered before those are forgotten that nobody waits for.
const MANY_TURNS: usize = 1000;

/// The copies of one process. Clones share them.
#[derive(Clone, Default)]
pub struct Newest {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What was written last.
    written: Mutex<HashMap<ObjectKey, Arc<Budget>>>,
    /// Whose turn it is, by UID of the budget.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    stored: Stored,
}

/// What an attempt has decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempt<T> {
    /// Nothing is to be written, whether the copy is the newest or not.
    Settled(T),
    /// Nothing is to be written, if what is stored says so, too.
    IfStored(T),
    /// This merge patch of the status is to be written. It carries the version of the newest copy.
    Write {
        /// The patch.
        patch: Value,
        /// What holds once it is written.
        then: T,
    },
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended<T> {
    /// As the last attempt has decided; what it wanted written is written.
    Decided(T),
    /// There is no such budget any more.
    Gone,
}

impl Newest {
    /// Decides by the newest copy, and writes what is decided. On a conflict it is decided anew, by what the API server has
    /// (PB-47, PB-48).
    ///
    /// # Errors
    /// The answer of the API server that ended it: the conflict of the last attempt, or anything else that failed.
    pub async fn write<T>(
        &self,
        client: &ApiClient,
        seen: &Arc<Budget>,
        mut decide: impl FnMut(&Budget) -> Attempt<T>,
    ) -> Result<Ended<T>, Arc<ApiError>> {
        let key = ObjectKey::of(seen.metadata());
        let turn = self.turn(&seen.metadata().uid);
        let mut attempt = 1;
        let mut stored = None;
        loop {
            let (conflict, before) = {
                let _turn = turn.lock().await;
                let newest = self.known(&key, stored.as_ref().unwrap_or(seen));
                match decide(&newest) {
                    Attempt::Settled(settled) => return Ok(Ended::Decided(settled)),
                    Attempt::IfStored(settled) if stored.is_some() => {
                        return Ok(Ended::Decided(settled));
                    }
                    Attempt::IfStored(_) => (None, newest),
                    Attempt::Write { patch, then } => {
                        match self.patch(client, &key, &patch).await {
                            Ok(()) => return Ok(Ended::Decided(then)),
                            Err(ApiError::NotFound { .. }) => return Ok(Ended::Gone),
                            Err(error @ ApiError::Conflict { .. }) => (Some(error), newest),
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
            };
            if let Some(conflict) = conflict {
                if attempt == ATTEMPTS {
                    return Err(conflict.into());
                }
                attempt += 1;
                tokio::time::sleep(pause()).await;
            }
            let Some(now) = self.stored(client, &key).await? else {
                return Ok(Ended::Gone);
            };
            // Only after a restore from a backup. What was written before that is no more.
            if version(&now) < version(&before) {
                self.forget(&key);
            }
            stored = Some(now);
        }
    }

    /// The budget as it is stored now; `None`: there is none.
    ///
    /// # Errors
    /// When the API server can't be asked, or its answer is no budget.
    pub async fn stored(
        &self,
        client: &ApiClient,
        key: &ObjectKey,
    ) -> Result<Option<Arc<Budget>>, Arc<ApiError>> {
        self.inner.stored.read(client, key).await
    }

    /// The newer one of what was written last and what the watch shows (PB-46).
    #[must_use]
    pub fn known(&self, key: &ObjectKey, seen: &Arc<Budget>) -> Arc<Budget> {
        let written = self.written().get(key).cloned();
        match written {
            Some(written) if version(seen) <= version(&written) => written,
            _ => Arc::clone(seen),
        }
    }

    /// The budget is gone, or goes (PB-50).
    pub fn forget(&self, key: &ObjectKey) {
        self.written().remove(key);
    }

    /// Follows the watch: what was written is kept no longer than the watch needs to show it.
    pub fn follow(&self, old: Option<&Budget>, new: Option<&Budget>) {
        match (old, new) {
            (_, Some(new)) => {
                let key = ObjectKey::of(new.metadata());
                let mut written = self.written();
                if (written.get(&key)).is_some_and(|written| version(written) < version(new)) {
                    written.remove(&key);
                }
            }
            (Some(old), None) => {
                self.forget(&ObjectKey::of(old.metadata()));
                self.turns().remove(&old.metadata().uid);
            }
            (None, None) => {}
        }
    }

    async fn patch(
        &self,
        client: &ApiClient,
        key: &ObjectKey,
        patch: &Value,
    ) -> Result<(), ApiError> {
        let subresource = Some("status");
        let written = client
            .patch(
                &PODUNAVAILABLEBUDGETS,
                key,
                subresource,
                PatchKind::Merge,
                patch,
            )
            .await?;
        // What can't be read can't be decided by either: the next attempt goes by the watch, and meets a conflict.
        if let Ok(written) = serde_json::from_value::<Budget>(written) {
            self.written().insert(key.clone(), Arc::new(written));
        }
        Ok(())
    }

    fn turn(&self, uid: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns();
        if turns.len() >= MANY_TURNS && !turns.contains_key(uid) {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(turns.entry(uid.to_owned()).or_default())
    }

    fn written(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<Budget>>> {
        let written = self.inner.written.lock();
        written.unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<()>>>> {
        let turns = self.inner.turns.lock();
        turns.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A version that is no number counts as 0 (PB-46).
fn version(budget: &Budget) -> u64 {
    budget.metadata().resource_version.parse().unwrap_or(0)
}

fn pause() -> Duration {
    // 53 bits are what an f64 holds exactly.
    let unit = (random_number() >> 11) as f64 / (1u64 << 53) as f64;
    PAUSE.mul_f64(1.0 + unit * LARGEST_JITTER)
}

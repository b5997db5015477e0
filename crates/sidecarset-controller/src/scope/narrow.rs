//! What the leader does from time to time: makes the webhook's scope as narrow as the SidecarSets are that there are.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kruise_api::{object::Object, resource::ObjectKey};
use kruise_runtime::{Outcome, Reconciler, Store};
use tokio::time::{Instant, timeout};

use super::{
    anchor::{Anchor, Reach},
    configuration::Configuration,
    error::ScopeError,
    extent::Extent,
    known_sets::KnownSets,
    record::{self, Fresh},
    writer::{Change, Writer},
};

/// How often the configuration is looked at when no SidecarSet changes: others may have changed it. Who applies the manifests
/// again sets the failure policy back to the one of an installation.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Between two writes that make nothing wider: SidecarSets often change together.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// How long the index may take to catch up.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(10);

/// Keeps the scope narrow.
pub(crate) struct Narrowing<K> {
    pub(crate) writer: Writer,
    pub(crate) sets: Store<K>,
    pub(crate) reach: fn(&K) -> Reach,
    pub(crate) known: KnownSets,
    /// Whether the scope is kept narrow at all, or always everything.
    pub(crate) narrows: bool,
    pub(crate) written: Mutex<Option<Instant>>,
}

/// The one key that is reconciled.
pub(crate) fn key() -> ObjectKey {
    ObjectKey::new("", "webhook")
}

impl<K: Object> Reconciler for Narrowing<K> {
    type Error = ScopeError;

    async fn reconcile(&self, _: &ObjectKey) -> Result<Outcome, ScopeError> {
        let Some(found) = self.writer.read().await? else {
            return Ok(after(LOOK_EVERY));
        };
        let now = self.writer.clock.now();
        let fresh = record::unexpired(found.fresh(), now);
        // Only now: an anchor that has expired is that of a SidecarSet which is in a list made now, if it was stored.
        self.sets_are_known().await?;
        let anchors = self.anchors();
        if self.may_wait(&found, &anchors) {
            return Ok(after(WRITE_EVERY));
        }
        let next = next_look(&fresh, now);
        let changed = if self.writer.is_without_conditions() {
            self.writer.widen_to_everything(&found).await?
        } else {
            let extent = self.extent(&anchors, &fresh);
            self.writer.revise(&found, extent, fresh).await?
        };
        match changed {
            Change::Needless => Ok(after(next)),
            Change::Made => {
                *self.last_write() = Some(Instant::now());
                Ok(after(next))
            }
            Change::Refused => Ok(after(Duration::ZERO)),
        }
    }
}

impl<K: Object> Narrowing<K> {
    /// Returns when every SidecarSet that is stored now is in the index.
    async fn sets_are_known(&self) -> Result<(), ScopeError> {
        let caught_up = timeout(CAUGHT_UP_WITHIN, self.known.all());
        caught_up
            .await
            .map_err(|_| ScopeError::Late(CAUGHT_UP_WITHIN))?
    }

    fn anchors(&self) -> Vec<Anchor> {
        let sets = self.sets.all();
        let anchors = sets.iter().filter_map(|set| (self.reach)(set).anchor());
        anchors.collect()
    }

    fn extent(&self, anchors: &[Anchor], fresh: &[Fresh]) -> Extent {
        if !self.narrows {
            return Extent::everything();
        }
        let fresh = fresh.iter().map(|fresh| &fresh.anchor);
        Extent::of(anchors.iter().chain(fresh))
    }

    /// Whether a write can be put off, since every pod that must be asked about is.
    fn may_wait(&self, found: &Configuration, anchors: &[Anchor]) -> bool {
        let extent = found.sure_extent();
        let wrote_lately = self
            .last_write()
            .is_some_and(|at| at.elapsed() < WRITE_EVERY);
        wrote_lately && anchors.iter().all(|anchor| extent.covers(anchor))
    }

    fn last_write(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the next anchor expires, and no later than the next look.
fn next_look(fresh: &[Fresh], now: Timestamp) -> Duration {
    let untils = fresh.iter().map(|fresh| fresh.until.duration_since(now));
    let next = untils.min().and_then(|next| Duration::try_from(next).ok());
    next.map_or(LOOK_EVERY, |next| next.min(LOOK_EVERY))
}

fn after(time: Duration) -> Outcome {
    Outcome {
        requeue_after: Some(time.max(Duration::from_secs(1))),
    }
}

/// What the queue is told of a SidecarSet that changes.
pub(crate) fn wakes<K>(reach: fn(&K) -> Reach, old: Option<&K>, new: Option<&K>) -> Vec<ObjectKey> {
    let is_changed = old.map(reach) != new.map(reach);
    is_changed.then(key).into_iter().collect()
}

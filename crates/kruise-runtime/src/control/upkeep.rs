//! What every reconciler does around its plan: wait until its own writes are seen, read live what is doubted,
//! remember, tell why it waits, and know when to look again. Upkeep calls nothing of the reconciler.

use std::time::Duration;

use kruise_api::resource::ObjectKey;
use kruise_plan::{
    WaitReason,
    lines::{self, Line},
};

use crate::{
    api::client::ApiClient,
    control::{
        doubts::Doubts,
        memories::Memories,
        own_writes::{OwnWrites, Settled, Writer},
        reconcile::Outcome,
    },
    tell::metrics::WaitReasons,
    watch::store_view::StoreView,
};

/// The shortest pause, however short a wait is asked for, so that no key spins.
pub const MIN_PAUSE: Duration = Duration::from_millis(5);

/// The upkeep of one controller; `M` is what it remembers of an object between two passes.
pub struct Upkeep<M> {
    own_writes: OwnWrites,
    client: ApiClient,
    wait_reasons: WaitReasons,
    doubts: Doubts,
    memories: Memories<M>,
}

/// The stores that a controller plans from.
pub struct Stores<'a> {
    /// All of them: own writes are looked for there.
    pub all: Vec<&'a dyn StoreView>,
    /// The store of the pods that a plan may wait for.
    pub pods: Option<&'a dyn StoreView>,
    /// The store of the PodUnavailableBudgets that a plan may wait for.
    pub budgets: Option<&'a dyn StoreView>,
}

/// A pass that is put off: a write of ours is not seen yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PutOff {
    /// When to look again.
    pub outcome: Outcome,
    /// Whether the write should have been seen long ago.
    pub is_overdue: bool,
}

impl<M: Clone + Default> Upkeep<M> {
    /// Upkeep with nothing remembered.
    #[must_use]
    pub fn new(own_writes: OwnWrites, client: ApiClient, wait_reasons: WaitReasons) -> Self {
        Self {
            own_writes,
            client,
            wait_reasons,
            doubts: Doubts::default(),
            memories: Memories::default(),
        }
    }

    /// Forgets what is known of an object that is gone, even if another object has its name by now. `uid` is the UID
    /// of the object that is there. Returns whether anything was forgotten.
    pub fn forget_others(&self, key: &ObjectKey, uid: Option<&str>) -> bool {
        if uid.is_some() && !self.memories.are_of_another(key, uid) {
            return false;
        }
        if let Some(uid) = self.memories.forget(key) {
            self.own_writes.forget(&uid);
        }
        self.wait_reasons.set(key, None);
        self.doubts.note(key, &[]);
        true
    }

    /// Begins a pass: nothing is decided on a view older than our last write. Afterwards the stores may show a newer
    /// state.
    ///
    /// # Errors
    /// When the pass is put off.
    pub async fn begin(
        &self,
        key: &ObjectKey,
        uid: &str,
        stores: &Stores<'_>,
    ) -> Result<(), PutOff> {
        if let Settled::No {
            waiting_for,
            again_after,
        } = self.own_writes.settle(uid, &stores.all).await
        {
            let reason = WaitReason::OwnWritesUnseen { what: waiting_for };
            self.wait_reasons.set(key, Some(reason.reason()));
            tracing::debug!(%reason, "waiting");
            return Err(PutOff {
                outcome: Outcome {
                    requeue_after: Some(again_after.max(MIN_PAUSE)),
                },
                is_overdue: self.own_writes.overdue(uid),
            });
        }
        if let Some(reason) = self.doubts.due(key) {
            self.look_live(key, &reason, stores).await;
        }
        Ok(())
    }

    /// What is remembered of the object with this UID.
    #[must_use]
    pub fn memory(&self, key: &ObjectKey, uid: &str) -> M {
        self.memories.get(key, uid)
    }

    /// Writes for the object with this UID, and notes what is written.
    #[must_use]
    pub fn writer(&self, uid: &str) -> Writer {
        self.own_writes.writer(uid, self.client.clone())
    }

    /// Tells what a plan waits for, in metrics and in the log. The same reason is logged once: a reason that holds
    /// for an hour, or for each pod, is one line, not thousands.
    pub fn tell(&self, key: &ObjectKey, logged: &[WaitReason], waiting_on: &[WaitReason]) {
        let first = waiting_on.first().map(WaitReason::reason);
        self.wait_reasons.set(key, first);
        for Line { reason, count } in lines::news(logged, waiting_on) {
            tracing::info!(reason = reason.reason(), count, "held back: {reason}");
        }
    }

    /// Ends a pass. `look_again` are the times after which the controller wants to look again.
    pub fn end(
        &self,
        key: &ObjectKey,
        uid: &str,
        memory: M,
        waiting_on: &[WaitReason],
        look_again: impl IntoIterator<Item = Duration>,
    ) -> Outcome {
        self.memories.remember(key, uid, memory);
        let unseen = self.own_writes.look_again_after(uid);
        let doubtful = self.doubts.note(key, waiting_on);
        let looks = unseen.into_iter().chain(doubtful);
        Outcome {
            requeue_after: looks
                .map(|wait| wait.max(MIN_PAUSE))
                .chain(look_again)
                .min(),
        }
    }

    /// Reads what an object waits for. What is found is in the store afterwards.
    async fn look_live(&self, owner: &ObjectKey, reason: &WaitReason, stores: &Stores<'_>) {
        let named = [
            (stores.pods, reason.pod()),
            (stores.budgets, reason.budget()),
        ];
        for (store, name) in named {
            if let (Some(store), Some(name)) = (store, name) {
                let key = named_by(owner, name);
                self.own_writes.look_live(store, &key).await;
            }
        }
    }
}

/// The object that a reason names. One that is not in the owner's namespace is named with its own: `shop/web-1`.
fn named_by(owner: &ObjectKey, name: &str) -> ObjectKey {
    match name.split_once('/') {
        Some((namespace, name)) => ObjectKey::new(namespace, name),
        None => ObjectKey::new(owner.namespace.clone(), name),
    }
}

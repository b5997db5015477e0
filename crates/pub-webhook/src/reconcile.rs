//! One reconcile: begin, observe, plan, link, write the status (PB-52).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::StreamExt;
use kruise_api::{
    object::CustomResource,
    policy::v1beta1::PodUnavailableBudget,
    resource::{ObjectKey, PODS},
};
use kruise_plan::Owner;
use kruise_runtime::{
    ApiClient, EventTarget, EventType, Executor, MIN_PAUSE, Outcome, OwnWrites, Reconciler,
    Recorder, StageError, Upkeep,
};

use crate::{
    budget::Budget,
    check,
    error::PubError,
    lower,
    newest::{Attempt, Ended, Newest},
    observe::{Observer, key_of},
    plan::{
        self, Plan,
        status::{Tally, tally},
    },
    scope::Coverage,
    snapshot::{Memory, Snapshot},
};

/// Component of the reconciler's events (spec 3.2).
pub(crate) const COMPONENT: &str = "podunavailablebudget-controller";

/// So many pods are linked side by side.
const LINKED_AT_ONCE: usize = 32;
/// So many pods are read live side by side.
const READ_AT_ONCE: usize = 8;

/// Brings one budget up to date.
pub(crate) struct PubReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<Memory>,
    pub(crate) own_writes: OwnWrites,
    pub(crate) newest: Newest,
    pub(crate) client: ApiClient,
    pub(crate) recorder: Recorder,
    pub(crate) coverage: Coverage,
}

impl Reconciler for PubReconciler {
    type Error = PubError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, PubError> {
        let Some(budget) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let uid = &budget.metadata().uid;
        tracing::Span::current().record("uid", uid);
        if let Err(put_off) = self.upkeep.begin(key, uid, &self.observer.stores()).await {
            return Ok(put_off.outcome);
        }
        // A budget protects from its first status on: evictions have to be asked about by then.
        if let Some(wait) = self.coverage.wait_for(&key.namespace) {
            return Ok(after(wait));
        }
        // What was waited for may have brought a newer state.
        let Some(budget) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let mut snapshot = self.observer.snapshot(budget).await?;
        snapshot.had_no_pods = self.upkeep.memory(key, snapshot.uid()).had_no_pods;
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        let linked = self.link(&snapshot, &plan).await;
        // A pod that can't be linked, for whatever reason, counts all the same (DV-PB12).
        let desired = plan.desired.clone().map_err(PubError::Desired)?;
        let tally = self.count(&snapshot, desired).await?;
        let outcome = self.end(key, &snapshot, &plan, tally.as_ref());
        linked.map_err(|source| PubError::Link {
            source,
            again_after: tally.and_then(|tally| tally.looks_again()),
        })?;
        Ok(outcome)
    }
}

impl PubReconciler {
    /// The budget, if it is there and stays. Of one that goes nothing is kept (PB-50).
    fn known(&self, key: &ObjectKey) -> Option<Arc<Budget>> {
        let budget = self.observer.budget(key);
        if budget.is_none() {
            self.newest.forget(key);
        }
        let uid = budget.as_ref().map(|it| it.metadata().uid.as_str());
        self.upkeep.forget_others(key, uid);
        budget
    }

    /// Tells, and links pods (PB-18).
    async fn link(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(), StageError> {
        let owner = Owner {
            api_version: PodUnavailableBudget::API_VERSION,
            kind: PodUnavailableBudget::KIND,
            metadata: snapshot.budget.metadata(),
        };
        let writer = self.upkeep.writer(snapshot.uid());
        let executor = Executor::new(EventTarget::of(&owner), writer, &self.recorder);
        for event in &plan.events {
            executor.tell(event);
        }
        if plan.links.is_empty() {
            return Ok(());
        }
        tracing::debug!(pods = plan.links.len(), "linking");
        let mut refused = Ok(());
        for links in plan.links.chunks(LINKED_AT_ONCE) {
            match executor.stages(&[lower::links(links)]).await {
                Ok(_) => {}
                // What is refused of one pod says nothing of the next.
                Err(error) if error.is_refusal() => refused = refused.and(Err(error)),
                Err(error) => return Err(error),
            }
        }
        refused
    }

    /// Counts, and writes what differs (PB-52.4). Pods whose entries would go are read live first (DV-PB16). `None`: the
    /// budget is gone.
    async fn count(&self, snapshot: &Snapshot, desired: i32) -> Result<Option<Tally>, PubError> {
        let tally = self.write_status(snapshot, desired, Doubts::First).await?;
        let Some(doubted) = tally
            .as_ref()
            .map(|tally| &tally.doubted)
            .filter(|it| !it.is_empty())
        else {
            return Ok(tally);
        };
        let mut snapshot = snapshot.clone();
        snapshot.read_live = self.read_live(&snapshot.budget, doubted).await;
        self.write_status(&snapshot, desired, Doubts::Stay).await
    }

    /// Reads these pods live. Returns the names of those of which the index shows now what was read.
    async fn read_live(&self, budget: &Budget, pods: &BTreeSet<String>) -> BTreeSet<String> {
        // Owned, or the compiler could not tell that a caller's future is Send.
        let pods: Vec<String> = pods.iter().cloned().collect();
        let reads = futures::stream::iter(pods).map(|pod| async move {
            let key = key_of(budget, &pod);
            let is_read = self.own_writes.look_live(&self.observer.pods, &key).await;
            is_read.then_some(pod)
        });
        let read: Vec<Option<String>> = reads.buffer_unordered(READ_AT_ONCE).collect().await;
        read.into_iter().flatten().collect()
    }

    /// Counts by the newest copy, and writes what differs. `None`: the budget is gone.
    async fn write_status(
        &self,
        snapshot: &Snapshot,
        desired: i32,
        doubts: Doubts,
    ) -> Result<Option<Tally>, PubError> {
        let decide = |newest: &Budget| {
            // A budget that was made anew under its name has other pods, perhaps, and is looked at by itself.
            if newest.metadata().uid != snapshot.uid() {
                return Attempt::Settled(None);
            }
            let snapshot = self.observer.again(snapshot, newest);
            let tally = tally(&snapshot, desired, newest);
            debug_assert_eq!(
                check::status_violations(&snapshot, newest, &tally),
                Vec::<String>::new()
            );
            match tally.patch.clone() {
                _ if doubts == Doubts::First && !tally.doubted.is_empty() => {
                    Attempt::Settled(Some(tally))
                }
                Some(patch) => Attempt::Write {
                    patch,
                    then: Some(tally),
                },
                None => Attempt::Settled(Some(tally)),
            }
        };
        let written = self.newest.write(&self.client, &snapshot.budget, decide);
        match written.await.map_err(PubError::Status)? {
            Ended::Decided(tally) => Ok(tally),
            Ended::Gone => Ok(None),
        }
    }

    /// What is told after the status, and when to look again (PB-53, PB-54).
    fn end(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        plan: &Plan,
        tally: Option<&Tally>,
    ) -> Outcome {
        for pod in tally.iter().flat_map(|tally| &tally.not_deleted) {
            let metadata = &pod.metadata;
            let about = EventTarget {
                api_version: PODS.api_version(),
                kind: PODS.kind.to_owned(),
                namespace: metadata.namespace.clone(),
                name: metadata.name.clone(),
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
            };
            let message = format!("Pod was expected by PUB {key} to be deleted but it wasn't");
            self.recorder
                .event(&about, EventType::Warning, "NotDeleted", message);
        }
        let looks = tally.and_then(Tally::looks_again).into_iter();
        let looks = looks.chain(plan.looks_again).map(|it| it.max(MIN_PAUSE));
        let memory = Memory {
            had_no_pods: snapshot.pods.is_empty(),
        };
        self.upkeep.end(key, snapshot.uid(), memory, &[], looks)
    }
}

/// What becomes of a status whose entries would go if pods weren't doubted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubts {
    /// It is not written yet: the pods are read first.
    First,
    /// It is written, and the entries of pods that are still doubted stay in it.
    Stay,
}

fn after(time: Duration) -> Outcome {
    Outcome {
        requeue_after: Some(time.max(MIN_PAUSE)),
    }
}

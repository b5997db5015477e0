//! One reconcile: begin, observe, plan, link, write the status (PB-52).

use std::{sync::Arc, time::Duration};

use kruise_api::{
    object::CustomResource,
    policy::v1beta1::PodUnavailableBudget,
    resource::{ObjectKey, PODS},
};
use kruise_plan::Owner;
use kruise_runtime::{
    ApiClient, EventTarget, EventType, Executor, MIN_PAUSE, Outcome, Reconciler, Recorder, Upkeep,
};

use crate::{
    budget::Budget,
    check,
    error::PubError,
    lower,
    newest::{Attempt, Ended, Newest},
    observe::Observer,
    plan::{
        self, Plan,
        status::{Tally, tally},
    },
    scope::Coverage,
    snapshot::Snapshot,
};

/// Component of the reconciler's events (spec 3.2).
pub(crate) const COMPONENT: &str = "podunavailablebudget-controller";

/// Brings one budget up to date.
pub(crate) struct PubReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<()>,
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
        let snapshot = self.observer.snapshot(budget).await?;
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        self.link(&snapshot, &plan).await?;
        let desired = plan.desired.clone().map_err(PubError::Desired)?;
        let tally = self.write_status(&snapshot, desired).await?;
        Ok(self.end(key, &snapshot, &plan, tally.as_ref()))
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

    /// Tells, and links pods (PB-18). A failure ends the pass before a status is written.
    async fn link(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(), PubError> {
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
        let linked = executor.stages(&[lower::links(&plan.links)]).await;
        linked.map(drop).map_err(PubError::Link)
    }

    /// Counts by the newest copy, and writes what differs (PB-52.4). `None`: the budget is gone.
    async fn write_status(
        &self,
        snapshot: &Snapshot,
        desired: i32,
    ) -> Result<Option<Tally>, PubError> {
        let decide = |newest: &Budget| {
            // A budget that was made anew under its name has other pods, perhaps, and is looked at by itself.
            if newest.metadata().uid != snapshot.uid() {
                return Attempt::Settled(None);
            }
            let tally = tally(snapshot, desired, newest);
            debug_assert_eq!(
                check::status_violations(snapshot, newest, &tally),
                Vec::<String>::new()
            );
            match tally.patch.clone() {
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
        let next_expiry = tally.and_then(|tally| tally.next_expiry);
        let looks = next_expiry.map(|expiry| expiry.max(MIN_PAUSE));
        let looks = looks.into_iter().chain(plan.looks_again);
        self.upkeep.end(key, snapshot.uid(), (), &[], looks)
    }
}

fn after(time: Duration) -> Outcome {
    Outcome {
        requeue_after: Some(time.max(MIN_PAUSE)),
    }
}

//! One reconcile: begin, observe, plan, carry out, remember.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::SidecarSet, resource::ObjectKey};
use kruise_runtime::{EventTarget, Executor, Outcome, Reconciler, Recorder, StageError, Upkeep};

use crate::{
    check,
    lower::{self, lower},
    memory::Memory,
    metrics::Metrics,
    observe::Observer,
    plan::{self, Plan, Step},
    remember,
    rests::Rests,
    snapshot::Snapshot,
};

/// Brings one SidecarSet a step nearer to what its spec says.
pub(crate) struct SidecarSetReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<Memory>,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: Metrics,
    pub(crate) rests: Rests,
}

impl Reconciler for SidecarSetReconciler {
    type Error = StageError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, StageError> {
        let Some(sidecar_set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        if let Some(left) = self.rests.left(key) {
            return Ok(Outcome {
                requeue_after: Some(left),
            });
        }
        tracing::Span::current().record("uid", &sidecar_set.metadata.uid);
        let (uid, stores) = (&sidecar_set.metadata.uid, self.observer.stores());
        if let Err(put_off) = self.upkeep.begin(key, uid, &stores).await {
            return Ok(put_off.outcome);
        }
        // What was waited for may have brought a newer state.
        let Some(sidecar_set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let memory = self.upkeep.memory(key, &sidecar_set.metadata.uid);
        let snapshot = self.observer.snapshot(&sidecar_set, memory);
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        self.tell(key, &snapshot, &plan);
        let result = self.carry_out(&snapshot, &plan).await;
        let outcome = self.remember(key, &snapshot, &plan);
        self.rests.begin(key);
        result.map(|()| outcome)
    }
}

impl SidecarSetReconciler {
    /// The SidecarSet, if it is there. Of one that is gone nothing is kept, also if another one has its name.
    fn known(&self, key: &ObjectKey) -> Option<Arc<SidecarSet>> {
        let sidecar_set = self.observer.sidecar_set(key);
        let uid = sidecar_set.as_ref().map(|set| set.metadata.uid.as_str());
        if self.upkeep.forget_others(key, uid) {
            self.observer.forget(key);
            self.metrics.forget(key);
        }
        sidecar_set
    }

    fn tell(&self, key: &ObjectKey, snapshot: &Snapshot, plan: &Plan) {
        let logged = &snapshot.memory.logged;
        self.upkeep.tell(key, logged, &plan.notes.waiting_on);
        self.metrics.lacking(key, snapshot.lacking.len());
    }

    /// The first failure ends the plan. What comes behind the status counts on it to have been written (SS-210).
    async fn carry_out(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(), StageError> {
        let owner = snapshot.owner();
        let writer = self.upkeep.writer(owner.uid());
        let executor = Executor::new(EventTarget::of(&owner), writer, &self.recorder);
        for event in &plan.notes.events {
            executor.tell(event);
        }
        for step in &plan.steps {
            if let Step::PatchStatus { patch } = step {
                let patch = lower::status(snapshot, patch);
                executor.own_status(&patch, owner.uid()).await?;
            }
            let stage = lower(snapshot, step);
            executor.stages(stage.as_slice()).await?;
        }
        Ok(())
    }

    fn remember(&self, key: &ObjectKey, snapshot: &Snapshot, plan: &Plan) -> Outcome {
        let memory = remember::after(snapshot, plan);
        let (waiting_on, look_again) = (&plan.notes.waiting_on, plan.notes.look_again);
        let uid = snapshot.owner().uid();
        self.upkeep.end(key, uid, memory, waiting_on, look_again)
    }
}

//! One reconcile: begin, observe, plan, carry out, remember.

use std::sync::Arc;

use kruise_api::resource::ObjectKey;
use kruise_plan::stage::Stage;
use kruise_runtime::{EventTarget, Executor, Outcome, Reconciler, Recorder, StageError, Upkeep};

use crate::{
    check,
    error::Error,
    lower::lower,
    memory::Memory,
    observe::Observer,
    plan::{self, Plan},
    pod::StoredPod,
    remember,
    snapshot::Snapshot,
};

/// Ends the sidecars of one pod.
pub(crate) struct SidecarTerminatorReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<Memory>,
    pub(crate) recorder: Recorder,
}

impl Reconciler for SidecarTerminatorReconciler {
    type Error = Error;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Error> {
        let Some(pod) = self.known(key) else {
            return Ok(Outcome::default());
        };
        tracing::Span::current().record("uid", &pod.metadata.uid);
        let (uid, stores) = (&pod.metadata.uid, self.observer.stores());
        if let Err(put_off) = self.upkeep.begin(key, uid, &stores).await {
            return Ok(put_off.outcome);
        }
        // What was waited for may have brought a newer state.
        let Some(pod) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let memory = self.upkeep.memory(key, &pod.metadata.uid);
        let snapshot = self.observer.snapshot(pod, memory);
        let plan = plan::plan(&snapshot)?;
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        let (logged, waiting_on) = (&snapshot.memory.logged, &plan.notes.waiting_on);
        self.upkeep.tell(key, logged, waiting_on);
        let result = self.carry_out(&snapshot, &plan).await;
        let memory = remember::after(&snapshot, &plan);
        let (uid, look_again) = (snapshot.uid(), plan.notes.look_again);
        let outcome = self.upkeep.end(key, uid, memory, waiting_on, look_again);
        Ok(result.map(|()| outcome)?)
    }
}

impl SidecarTerminatorReconciler {
    /// The pod, if it is there. Of one that is gone nothing is kept, also if another one has its name.
    fn known(&self, key: &ObjectKey) -> Option<Arc<StoredPod>> {
        let pod = self.observer.pod(key);
        let uid = pod.as_ref().map(|pod| pod.metadata.uid.as_str());
        self.upkeep.forget_others(key, uid);
        pod
    }

    async fn carry_out(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(), StageError> {
        let owner = snapshot.owner();
        let writer = self.upkeep.writer(owner.uid());
        let executor = Executor::new(EventTarget::of(&owner), writer, &self.recorder);
        for event in &plan.notes.events {
            executor.tell(event);
        }
        let stages: Vec<Stage<'_>> = plan
            .steps
            .iter()
            .map(|step| lower(snapshot, step))
            .collect();
        executor.stages(&stages).await.map(drop)
    }
}

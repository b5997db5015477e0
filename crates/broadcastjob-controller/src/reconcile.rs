//! One reconcile: begin, observe, plan, carry out, remember.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::BroadcastJob, resource::ObjectKey};
use kruise_plan::stage::Answer;
use kruise_runtime::{
    Done, EventTarget, Executor, Outcome, Reconciler, Recorder, StageError, Upkeep,
};

use crate::{
    check,
    lower::{self, lower},
    memory::Memory,
    observe::Observer,
    plan::{self, Plan, Step},
    remember::{self, Ending},
    report,
    snapshot::Snapshot,
};

/// Brings one BroadcastJob a step nearer to what its spec says.
pub(crate) struct BroadcastJobReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<Memory>,
    pub(crate) recorder: Recorder,
}

impl Reconciler for BroadcastJobReconciler {
    type Error = StageError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, StageError> {
        let Some(job) = self.known(key) else {
            return Ok(Outcome::default());
        };
        tracing::Span::current().record("uid", &job.metadata.uid);
        let (uid, stores) = (&job.metadata.uid, self.observer.stores());
        if let Err(put_off) = self.upkeep.begin(key, uid, &stores).await {
            return Ok(put_off.outcome);
        }
        // What was waited for may have brought a newer state.
        let Some(job) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let memory = self.upkeep.memory(key, &job.metadata.uid);
        let snapshot = self.observer.snapshot(job, memory);
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        let logged = &snapshot.memory.logged;
        self.upkeep.tell(key, logged, &plan.waiting_on);
        let result = self.carry_out(&snapshot, &plan).await;
        let outcome = self.remember(key, &snapshot, &plan, result.as_ref().err());
        result.map(|()| outcome)
    }
}

impl BroadcastJobReconciler {
    /// The BroadcastJob, if it is there. Of one that is gone nothing is kept, also if another one has its name (BJ-20).
    fn known(&self, key: &ObjectKey) -> Option<Arc<BroadcastJob>> {
        let job = self.observer.job(key);
        let uid = job.as_ref().map(|job| job.metadata.uid.as_str());
        self.upkeep.forget_others(key, uid);
        job
    }

    /// Each step is tried whatever becomes of the others, and the status tells what became of all (BJ-37, DV-BJ4). The
    /// error of the creation goes before that of the deletion, and both before that of the status.
    async fn carry_out(&self, snapshot: &Snapshot, plan: &Plan) -> Result<(), StageError> {
        let owner = snapshot.owner();
        let writer = self.upkeep.writer(owner.uid());
        let executor = Executor::new(EventTarget::of(&owner), writer, &self.recorder);
        for event in &plan.events {
            executor.tell(event);
        }
        let (mut stopped, mut others) = (Ok(()), Ok(()));
        for step in &plan.steps {
            let done = executor.stages(&lower(snapshot, step)).await.map(drop);
            match step {
                Step::StopPods { pods: _ } => stopped = done,
                Step::CreatePods { batches: _ } | Step::DeleteJob => others = done,
            }
        }
        let Done { created, deleted } = executor.done();
        let outcome = report::Outcome {
            created,
            stopped: deleted,
            stop_failed: stopped.is_err(),
        };
        let status = match report::written(snapshot, plan, outcome) {
            Some(written) => {
                let call = lower::status(snapshot, &written);
                executor.own_status(&call, owner.uid()).await
            }
            None => Ok(()),
        };
        others.and(stopped).and(status)
    }

    fn remember(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        plan: &Plan,
        error: Option<&StageError>,
    ) -> Outcome {
        let ending = Ending {
            succeeded: error.is_none(),
            taken_name: error.and_then(taken_name),
            namespace_terminates: error.is_some_and(StageError::namespace_is_terminating),
        };
        let memory = remember::after(snapshot, plan, ending);
        self.upkeep.end(
            key,
            snapshot.uid(),
            memory,
            &plan.waiting_on,
            plan.requeue_after,
        )
    }
}

/// The name that an object was to be created by, and that another one has.
fn taken_name(error: &StageError) -> Option<String> {
    match error {
        StageError::Write { object, .. } if error.is(Answer::AlreadyThere) => {
            object.rsplit('/').next().map(str::to_owned)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Carries out a plan of a CloneSet. The executor makes the calls that steps come down to; here is what is CloneSet's
//! own: that some failures stop nothing, and the live looks before volume claims are deleted.

mod orphans;
#[cfg(test)]
mod tests;

use std::mem::discriminant;

use kruise_plan::stage::{Answer, Stage};
use kruise_runtime::{
    ApiClient, EventTarget, Executor, Flow, Recorder, Refused, StageError, Writer, chain,
};

use crate::{
    lower::{AheadStages, Lowered, Lowering, images_ahead},
    memory::Found,
    plan::{ImagesAhead, Phase, Plan, Step},
    snapshot::Snapshot,
};

/// What a plan is carried out with.
pub struct Execution<'a> {
    snapshot: &'a Snapshot,
    client: &'a ApiClient,
    executor: Executor<'a>,
}

impl<'a> Execution<'a> {
    /// Of a plan that was made from this snapshot. `client` looks, `writer` writes.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        client: &'a ApiClient,
        writer: Writer,
        recorder: &'a Recorder,
    ) -> Self {
        let memory = &snapshot.memory;
        let owner = EventTarget::of(&snapshot.owner());
        Self {
            snapshot,
            client,
            executor: Executor::new(owner, writer, recorder)
                .knowing(&memory.refused_writes, &memory.refused_resizes),
        }
    }

    /// Steps, then status: the status is written even when a step failed, since it tells of what
    /// was seen. The step's error wins. What was found out on the way comes with it.
    ///
    /// # Errors
    /// The first failure that stops something.
    pub async fn carry_out(self, plan: &Plan) -> (Result<(), StageError>, Found) {
        let mut found = Found::default();
        let lowering = Lowering::of(self.snapshot, plan);
        for event in &plan.events {
            self.executor.tell(event);
        }
        self.images_ahead(&plan.images_ahead, &mut found).await;
        let steps = match plan.phase {
            Phase::Trim => {
                self.trim(&lowering, plan, &mut found).await;
                Ok(())
            }
            Phase::Prepare | Phase::Scale | Phase::Update => {
                self.steps(&lowering, plan, &mut found).await
            }
        };
        let status = match &plan.status {
            Some(patch) => self.executor.status(&lowering.status(patch)).await,
            None => Ok(()),
        };
        let Refused { writes, resizes } = self.executor.refused();
        found.refused_writes = writes;
        found.refused_resizes = resizes;
        (steps.and(status), found)
    }

    /// Carries out the steps in order; the first that fails, or is refused, ends them.
    async fn steps(
        &self,
        lowering: &Lowering<'_>,
        plan: &Plan,
        found: &mut Found,
    ) -> Result<(), StageError> {
        for step in &plan.steps {
            if self.step(lowering, step, found).await? == Flow::Ends {
                break;
            }
        }
        Ok(())
    }

    async fn step(
        &self,
        lowering: &Lowering<'_>,
        step: &Step,
        found: &mut Found,
    ) -> Result<Flow, StageError> {
        match lowering.step(step) {
            Lowered::Stages(stages) => self.executor.stages(&stages).await,
            Lowered::Orphans(claims) => {
                self.delete_orphans(claims, found).await?;
                Ok(Flow::GoesOn)
            }
        }
    }

    /// Tidies up, on which nothing depends: what can't be done is left for later (CS-22, steps 12 and 13). One kind
    /// of step is tried whatever becomes of the other. The first of a kind that fails ends that kind (CS-40); what
    /// was changed or deleted meanwhile is no failure.
    async fn trim(&self, lowering: &Lowering<'_>, plan: &Plan, found: &mut Found) {
        let mut ended = None;
        for step in &plan.steps {
            if ended == Some(discriminant::<Step>(step)) {
                continue;
            }
            match self.step(lowering, step, found).await {
                Err(error) if !error.is_lost_race() && !error.is(Answer::NotFound) => {
                    ended = Some(discriminant(step));
                    found.failed_trim.get_or_insert_with(|| chain(&error));
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Asks for images to be pulled ahead, which is an aid: whatever becomes of that, pods are updated.
    async fn images_ahead(&self, ahead: &ImagesAhead, found: &mut Found) {
        let AheadStages {
            deletions,
            creations,
            mark,
        } = images_ahead(ahead);
        for deletion in deletions {
            if let Err(error) = self.aid(deletion).await {
                tracing::warn!(error = chain(&error), "an ImagePullJob stays behind");
            }
        }
        for creation in creations {
            // An event has told of it.
            let _told = self.aid(creation).await;
        }
        if let Some(mark) = mark
            && let Err(error) = self.aid(mark).await
        {
            tracing::warn!(error = chain(&error), "the revision is not marked");
            found.unmarked = ahead.mark.as_ref().map(|mark| mark.revision.clone());
        }
    }

    async fn aid(&self, stage: Stage<'_>) -> Result<Flow, StageError> {
        self.executor.stages(&[stage]).await
    }
}

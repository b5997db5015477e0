//! Tidying up, on which nothing depends: what can't be done is left for later (CS-22, steps 12 and 13).

use std::mem::discriminant;

use kruise_runtime::chain;

use super::Executor;
use crate::plan::{Plan, Step};

impl Executor<'_> {
    /// Tries the steps, one kind whatever becomes of the other. The first of a kind that fails ends that kind (CS-40);
    /// what was changed or deleted meanwhile is no failure.
    pub(crate) async fn trim(&self, plan: &Plan) {
        let mut ended = None;
        for step in &plan.steps {
            if ended == Some(discriminant::<Step>(step)) {
                continue;
            }
            match self.step(plan.phase, step).await {
                Err(error) if !error.is_lost_race() && !error.is_not_found() => {
                    ended = Some(discriminant(step));
                    self.found()
                        .failed_trim
                        .get_or_insert_with(|| chain(&error));
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}

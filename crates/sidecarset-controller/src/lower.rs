//! What each step comes down to: the calls to the API server, without a choice left.

use kruise_plan::stage::{Call, Stage, Verb};

use crate::{plan::Step, snapshot::SIDECAR_SETS};

/// The stage of a step about the SidecarSet of this name.
pub(crate) fn lower<'s>(name: &str, step: &'s Step) -> Stage<'s> {
    match step {
        Step::PatchStatus { patch } => {
            let verb = Verb::merge(Some("status"), patch);
            Stage::of(Call::new(SIDECAR_SETS, name, verb))
        }
    }
}

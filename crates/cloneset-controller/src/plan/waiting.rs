//! When a reason that was told of a CloneSet in condition `Waiting` holds no more.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::CloneSetCondition, pod::Pod};
use kruise_plan::waiting::names;

use super::{context::Context, step::Phase};

/// Whether what was told does not hold any more, of a plan that acts in this phase.
pub(super) fn is_over(context: &Context<'_>, phase: Phase, told: &CloneSetCondition) -> bool {
    let spec = context.spec;
    let n_behind = || {
        let pods = context.facts.iter();
        pods.filter(|pod| !pod.is_at(&context.revisions.update))
            .count()
    };
    match told.reason.as_str() {
        "InvalidSpec" => true,
        "OnDelete" => !spec.on_delete || n_behind() == 0,
        "Paused" => spec.on_delete || !spec.paused || n_behind() == 0,
        "PartitionReached" => {
            let kept = usize::try_from(spec.partition).unwrap_or(0);
            spec.on_delete || spec.paused || !(1..=kept).contains(&n_behind())
        }
        "ScaleUpLimited" => match phase {
            Phase::Scale => true,
            // After a failure to scale, updating comes first.
            Phase::Update => !context.snapshot.memory.scaling_failed,
            Phase::Prepare | Phase::Trim => false,
        },
        "Hook" | "GracePeriod" | "MaxUnavailableReached" | "PodsNotAvailable" => {
            is_available(context, &told.message)
        }
        _ => false,
    }
}

/// Whether the pod that the message is about is available, or gone.
fn is_available(context: &Context<'_>, message: &str) -> bool {
    let names = names(message);
    let is_meant = |pod: &&&Arc<Pod>| names.contains(pod.metadata.name.as_str());
    let mut pods = context.pods.iter();
    pods.find(is_meant)
        .is_none_or(|pod| context.is_available(pod))
}

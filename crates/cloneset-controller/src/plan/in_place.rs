//! Whether a pod can be updated in place, and what that changes.

use std::sync::Arc;

use kruise_api::{
    inplace::{self, DaemonReport, NotInPlace},
    pod::Pod,
};
use kruise_plan::workload::InPlace;
use serde_json::Value;

use super::{
    context::Context,
    revision::Revisions,
    spec::{PodUpdatePolicy, Spec},
};
use crate::{
    known_pods::PodFacts,
    snapshot::{ControllerRevision, Snapshot},
};

pub(super) fn in_place(context: &Context<'_>, pod: &Pod, target: &str) -> InPlace {
    let update = calculate(context, pod, target);
    let now = context.snapshot.now;
    InPlace::of(update, pod, || daemon_may_come(context), now)
}

/// Whether any of these pods can't be updated in place. Pods of one revision are alike in that, unless a node daemon
/// has a say: so of thousands only a few are asked.
pub(super) fn is_any_impossible<'a>(
    context: &Context<'_>,
    pods: impl IntoIterator<Item = (&'a Arc<Pod>, &'a PodFacts)>,
    target: &str,
) -> bool {
    let mut possible = Vec::new();
    pods.into_iter().any(|(pod, facts)| {
        if possible.contains(&&facts.revision) {
            return false;
        }
        match in_place(context, pod, target) {
            InPlace::Possible(update) if !update.changes_environment() => {
                possible.push(&facts.revision);
                false
            }
            InPlace::Possible(_) | InPlace::AwaitDaemon(_) => false,
            InPlace::Impossible(_) => true,
        }
    })
}

/// For a pod that does not run yet: a daemon reports other pods, or nothing but an update in place may
/// mend it. Otherwise it is made anew, which restarts nothing that runs.
fn daemon_may_come(context: &Context<'_>) -> bool {
    let is_reported = |pod: &&Arc<Pod>| {
        inplace::daemon_report(pod, context.snapshot.now) == DaemonReport::Counted
    };
    context.spec.policy == PodUpdatePolicy::InPlaceOnly || context.pods.iter().any(is_reported)
}

fn calculate(
    context: &Context<'_>,
    pod: &Pod,
    target: &str,
) -> Result<inplace::Update, NotInPlace> {
    let gone = |which: &str| NotInPlace {
        path: String::new(),
        why: format!("its {which} revision is no longer in the history"),
    };
    let revisions = context.revisions;
    let old = revisions.of_pod(pod).ok_or_else(|| gone("present"))?;
    let new = revisions.named(target).ok_or_else(|| gone("target"))?;
    between(context.snapshot, context.spec, revisions, old, new)
}

/// What changes from one revision to another, if that is possible in place.
pub(super) fn between(
    snapshot: &Snapshot,
    spec: &Spec,
    revisions: &Revisions,
    old: &ControllerRevision,
    new: &ControllerRevision,
) -> Result<inplace::Update, NotInPlace> {
    let gates = &snapshot.gates;
    // CS-78
    if gates.recreate_for_claims
        && spec.policy != PodUpdatePolicy::InPlaceOnly
        && inplace::claim_templates_object(&old.metadata.annotations, &new.metadata.annotations)
    {
        return Err(NotInPlace {
            path: String::new(),
            why: "the volume claim templates have changed".to_owned(),
        });
    }
    let (old, new) = (&old.metadata.name, &new.metadata.name);
    revisions.differences.get(old, new, || {
        let data = |name| revisions.data(name).unwrap_or(&Value::Null);
        inplace::calculate(data(old), data(new), &gates.in_place)
    })
}

//! Whether a pod can be updated in place, and what that changes.

use std::{cell::RefCell, sync::Arc, time::Duration};

use kruise_api::{
    inplace::{self, DaemonReport, NotInPlace},
    pod::Pod,
};
use serde_json::Value;

use super::{
    Revisions,
    known_pods::PodFacts,
    scale::Input,
    spec::{PodUpdatePolicy, Spec},
};
use crate::snapshot::{ControllerRevision, Snapshot};

/// Whether a pod can be updated in place.
pub(super) enum InPlace {
    Possible(Box<inplace::Update>),
    /// It is known in this time, or earlier.
    AwaitDaemon(Duration),
    Impossible(NotInPlace),
}

pub(super) fn in_place(input: &Input<'_>, pod: &Pod, target: &str) -> InPlace {
    let update = match calculate(input, pod, target) {
        Ok(update) => Box::new(update),
        Err(why) => return InPlace::Impossible(why),
    };
    if !update.changes_environment() {
        return InPlace::Possible(update);
    }
    // DV-IP12
    match inplace::daemon_report(pod, input.snapshot.now) {
        DaemonReport::Counted => InPlace::Possible(update),
        DaemonReport::NotYet if daemon_may_come(input) => InPlace::Possible(update),
        DaemonReport::Awaited { seconds } => InPlace::AwaitDaemon(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(1).max(1),
        )),
        DaemonReport::NotYet | DaemonReport::Missing => InPlace::Impossible(NotInPlace {
            path: "/metadata".to_owned(),
            why: "a container reads what changes through its environment, and no node daemon is \
                  there to restart it"
                .to_owned(),
        }),
    }
}

/// Whether any of these pods can't be updated in place. Pods of one revision are alike in that, unless a node daemon has a
/// say: so of thousands only a few are asked.
pub(super) fn is_any_impossible<'a>(
    input: &Input<'_>,
    pods: impl IntoIterator<Item = (&'a Arc<Pod>, &'a PodFacts)>,
    target: &str,
) -> bool {
    let mut possible = Vec::new();
    pods.into_iter().any(|(pod, facts)| {
        if possible.contains(&&facts.revision) {
            return false;
        }
        match in_place(input, pod, target) {
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
fn daemon_may_come(input: &Input<'_>) -> bool {
    let is_reported =
        |pod: &&Arc<Pod>| inplace::daemon_report(pod, input.snapshot.now) == DaemonReport::Counted;
    input.spec.policy == PodUpdatePolicy::InPlaceOnly || input.pods.iter().any(is_reported)
}

fn calculate(input: &Input<'_>, pod: &Pod, target: &str) -> Result<inplace::Update, NotInPlace> {
    let gone = |which: &str| NotInPlace {
        path: String::new(),
        why: format!("its {which} revision is no longer in the history"),
    };
    let revisions = input.revisions;
    let old = revisions.of_pod(pod).ok_or_else(|| gone("present"))?;
    let new = revisions.named(target).ok_or_else(|| gone("target"))?;
    between(input.snapshot, input.spec, revisions, old, new)
}

/// What changes from one revision to another, for each pair that a plan has asked about: thousands of pods ask the
/// same.
#[derive(Debug, Default)]
pub(super) struct Differences(RefCell<Vec<Difference>>);

#[derive(Debug)]
struct Difference {
    old: String,
    new: String,
    update: Result<inplace::Update, NotInPlace>,
}

impl Differences {
    fn get(
        &self,
        old: &str,
        new: &str,
        calculate: impl FnOnce() -> Result<inplace::Update, NotInPlace>,
    ) -> Result<inplace::Update, NotInPlace> {
        let is_it = |known: &&Difference| known.old == old && known.new == new;
        if let Some(known) = self.0.borrow().iter().find(is_it) {
            return known.update.clone();
        }
        let update = calculate();
        self.0.borrow_mut().push(Difference {
            old: old.to_owned(),
            new: new.to_owned(),
            update: update.clone(),
        });
        update
    }
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

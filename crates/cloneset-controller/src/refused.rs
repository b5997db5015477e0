//! Writes that the API server refused: what is left alone because of that, and for how long. Of a resize nothing
//! but its pod (DV-IP10); otherwise what would only be refused again, or would take another pod out of service in
//! vain (DV-CS19).

use std::{collections::BTreeMap, mem, time::Duration};

use jiff::SignedDuration;
use kruise_api::{meta::Time, pod::Pod, text::Text};

use crate::{
    plan::{Phase, Plan, Step},
    snapshot::Snapshot,
};

/// A node may get free at any time, and nobody tells.
const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A resize that the API server refused, and what it was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedResize {
    /// The server's words.
    pub why: String,
    node: Text,
    pod_generation: Option<i64>,
    set_generation: Option<i64>,
    at: Time,
}

impl RefusedResize {
    /// The refusal of this pod's resize, just now.
    #[must_use]
    pub fn new(snapshot: &Snapshot, pod: &Pod, why: String) -> Self {
        Self {
            why,
            node: pod.spec.node_name.clone(),
            pod_generation: pod.metadata.generation,
            set_generation: snapshot.set.metadata.generation,
            at: snapshot.now,
        }
    }

    /// How long the pod is still left alone; none when it is time to try again: node, pod or CloneSet
    /// have changed, or the time is over.
    #[must_use]
    pub fn holds_for(&self, snapshot: &Snapshot, pod: &Pod) -> Option<Duration> {
        let is_same = self.node == pod.spec.node_name
            && self.pod_generation == pod.metadata.generation
            && self.set_generation == snapshot.set.metadata.generation;
        let left = TRIED_AGAIN_AFTER - snapshot.now.duration_since(self.at);
        Duration::try_from(left)
            .ok()
            .filter(|left| is_same && !left.is_zero())
    }
}

/// The first pause after a refusal. Each time the same is refused again it doubles.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The longest. With whatever refused gone, all goes on within half a minute.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(25);

/// What was asked for a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Its deletion, or the lifecycle state that goes before it.
    Deletion,
    /// Another revision, in place or by a new pod.
    Update,
    /// What else an update phase patches: conditions, lifecycle state, the next batch of an update.
    Patch,
}

impl Asked {
    /// What patches of a phase are for. Those before scaling are tried again like any other failure: without
    /// them no pod is looked at. Tidying up patches no pods.
    pub(crate) fn by_patches(phase: Phase) -> Option<Self> {
        match phase {
            Phase::Prepare | Phase::Trim => None,
            Phase::Scale => Some(Self::Deletion),
            Phase::Update => Some(Self::Patch),
        }
    }
}

/// A refusal as it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// UID of the pod.
    pub uid: String,
    /// What was asked for.
    pub asked: Asked,
    /// The server's words.
    pub why: String,
}

/// A write to a pod that the API server refused, and what it was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWrite {
    /// What was asked for.
    pub asked: Asked,
    /// Name of the pod.
    pub pod: String,
    /// The server's words.
    pub why: String,
    pod_generation: Option<i64>,
    set_generation: Option<i64>,
    pause: SignedDuration,
    at: Time,
}

impl RefusedWrite {
    fn new(snapshot: &Snapshot, pod: &Pod, refusal: Refusal, before: Option<&Self>) -> Self {
        let Refusal { uid: _, asked, why } = refusal;
        let before = before.filter(|it| it.is_about(snapshot, pod));
        let pause = before.map_or(FIRST_PAUSE, |it| (it.pause * 2).min(LONGEST_PAUSE));
        Self {
            asked,
            pod: pod.metadata.name.clone(),
            why,
            pod_generation: pod.metadata.generation,
            set_generation: snapshot.set.metadata.generation,
            pause,
            at: snapshot.now,
        }
    }

    /// Whether pod and CloneSet are as they were.
    fn is_about(&self, snapshot: &Snapshot, pod: &Pod) -> bool {
        self.pod_generation == pod.metadata.generation
            && self.set_generation == snapshot.set.metadata.generation
    }

    fn left(&self, now: Time) -> Duration {
        let waited = now.duration_since(self.at);
        // A clock that was set back must not hold anything for as long.
        if waited.is_negative() {
            return Duration::ZERO;
        }
        Duration::try_from(self.pause - waited).unwrap_or_default()
    }
}

/// What was refused, by the UID of the pod and what was asked: a policy may refuse both to delete a pod and to
/// change it.
#[derive(Debug, Clone, Default)]
pub struct RefusedWrites(BTreeMap<(String, Asked), RefusedWrite>);

impl RefusedWrites {
    /// What still stands, and for how long it is left alone yet: not at all where it is time to ask again. It
    /// stands until it was asked again.
    pub fn standing<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a RefusedWrite, Duration)> {
        self.0.iter().filter_map(|((uid, _), refused)| {
            let pod = active_pod(snapshot, uid)?;
            let stands = refused.is_about(snapshot, pod);
            stands.then(|| (refused, refused.left(snapshot.now)))
        })
    }

    /// Whether deletions wait. One refusal is enough: they have an order (CS-62).
    #[must_use]
    pub fn hold_deletions(&self, snapshot: &Snapshot) -> bool {
        self.hold(snapshot, |asked| asked == Asked::Deletion)
    }

    /// Whether no further pod is updated now. What is wrong with one is most likely wrong with all.
    #[must_use]
    pub fn hold_updates(&self, snapshot: &Snapshot) -> bool {
        self.hold(snapshot, |asked| asked != Asked::Deletion)
    }

    fn hold(&self, snapshot: &Snapshot, of: impl Fn(Asked) -> bool) -> bool {
        self.standing(snapshot)
            .any(|(refused, left)| of(refused.asked) && !left.is_zero())
    }

    /// Whether this pod's own patches wait: other pods are patched meanwhile.
    #[must_use]
    pub fn hold_patches(&self, snapshot: &Snapshot, pod: &Pod) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let of = (pod.metadata.uid.clone(), Asked::Patch);
        self.0.get(&of).is_some_and(|refused| {
            refused.is_about(snapshot, pod) && !refused.left(snapshot.now).is_zero()
        })
    }

    /// Whether these words were met before.
    #[must_use]
    pub fn say(&self, why: &str) -> bool {
        self.0.values().any(|refused| refused.why == why)
    }

    /// Notes what was refused now. What this pass asked again, and was not refused again, is done. So is what
    /// nobody asked although it was time to, in a pass that had nothing to do: it is wanted no longer.
    pub(crate) fn note(&mut self, snapshot: &Snapshot, plan: &Plan, refusals: Vec<Refusal>) {
        let before = mem::take(&mut self.0);
        for refusal in refusals {
            if let Some(pod) = active_pod(snapshot, &refusal.uid) {
                let of = (refusal.uid.clone(), refusal.asked);
                let earlier = before.get(&of);
                let refused = RefusedWrite::new(snapshot, pod, refusal, earlier);
                self.0.insert(of, refused);
            }
        }
        for (of, refused) in before {
            let is_settled = refused.left(snapshot.now).is_zero() && may_have_asked(plan, of.1);
            let stands = active_pod(snapshot, &of.0)
                .is_some_and(|pod| refused.is_about(snapshot, pod) && !is_settled);
            if stands {
                self.0.entry(of).or_insert(refused);
            }
        }
    }
}

/// Whether a plan asked for this where it was to be asked for. One that acts elsewhere has not come to it.
fn may_have_asked(plan: &Plan, asked: Asked) -> bool {
    plan.steps.is_empty()
        || plan.steps.iter().any(|step| match asked {
            Asked::Deletion => {
                matches!(step, Step::DeletePods { .. }) || is_patch_of(plan, step, Phase::Scale)
            }
            Asked::Update => matches!(
                step,
                Step::TryUpdate { .. }
                    | Step::UpdatePodsInPlace { .. }
                    | Step::MarkPodsForRecreate { .. }
            ),
            Asked::Patch => is_patch_of(plan, step, Phase::Update),
        })
}

fn is_patch_of(plan: &Plan, step: &Step, phase: Phase) -> bool {
    plan.phase == phase && matches!(step, Step::PatchPods { .. })
}

fn active_pod<'a>(snapshot: &'a Snapshot, uid: &str) -> Option<&'a Pod> {
    let mut pods = snapshot.active_pods().map(AsRef::as_ref);
    pods.find(|pod: &&Pod| pod.metadata.uid == uid)
}

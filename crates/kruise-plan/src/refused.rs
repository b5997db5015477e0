//! Writes that the API server refused: what is left alone because of a refusal, and for how long. After a refused
//! resize that is its pod alone (DV-IP10). After any other refused write it is whatever would only be refused again,
//! or would take another pod out of service in vain (DV-CS19).

use std::{collections::BTreeMap, mem, time::Duration};

use jiff::SignedDuration;
use kruise_api::{meta::Time, pod::Pod, text::Text};

use crate::owned_pods::OwnedPods;

/// How long a pod is left alone after a refused resize. Its node may get room at any time, and nobody tells.
const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// A resize that the API server refused, and what it was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedResize {
    /// The server's words.
    pub why: String,
    node: Text,
    pod_generation: Option<i64>,
    owner_generation: Option<i64>,
    at: Time,
}

impl RefusedResize {
    fn new(owned: &OwnedPods<'_>, pod: &Pod, why: String) -> Self {
        Self {
            why,
            node: pod.spec.node_name.clone(),
            pod_generation: pod.metadata.generation,
            owner_generation: owned.generation,
            at: owned.now,
        }
    }

    /// How long the pod is still left alone; `None` when it is time to try again: node, pod or owner have changed, or
    /// the time is over.
    fn holds_for(&self, owned: &OwnedPods<'_>, pod: &Pod) -> Option<Duration> {
        let is_same = self.node == pod.spec.node_name
            && self.pod_generation == pod.metadata.generation
            && self.owner_generation == owned.generation;
        let left = TRIED_AGAIN_AFTER - owned.now.duration_since(self.at);
        Duration::try_from(left)
            .ok()
            .filter(|left| is_same && !left.is_zero())
    }
}

/// The resizes that the API server refused, by the UID of the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedResizes(BTreeMap<String, RefusedResize>);

impl RefusedResizes {
    /// Whether none was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusal of this pod's resize, and how long the pod is still left alone; `None` when it is time to try
    /// again.
    #[must_use]
    pub fn holding(&self, owned: &OwnedPods<'_>, pod: &Pod) -> Option<(&RefusedResize, Duration)> {
        let refusal = self.0.get(&pod.metadata.uid)?;
        Some((refusal, refusal.holds_for(owned, pod)?))
    }

    /// Whether this pod's resize was refused in these words before.
    #[must_use]
    pub fn say(&self, uid: &str, why: &str) -> bool {
        self.0.get(uid).is_some_and(|refusal| refusal.why == why)
    }

    /// Notes what was refused now: UID of the pod, and the server's words. Forgets earlier refusals that hold no
    /// longer.
    pub fn note(&mut self, owned: &OwnedPods<'_>, refused: Vec<(String, String)>) {
        self.0.retain(|uid, refusal| {
            let pod = owned.pod(uid);
            pod.is_some_and(|pod| refusal.holds_for(owned, pod).is_some())
        });
        for (uid, why) in refused {
            if let Some(pod) = owned.pod(&uid) {
                let refusal = RefusedResize::new(owned, pod, why);
                self.0.insert(uid, refusal);
            }
        }
    }
}

/// The first pause after a refusal. The pause doubles each time the same write is refused again.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The longest pause. Once nothing refuses any more, all goes on within half a minute.
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
    owner_generation: Option<i64>,
    pause: SignedDuration,
    at: Time,
}

impl RefusedWrite {
    fn new(owned: &OwnedPods<'_>, pod: &Pod, refusal: Refusal, before: Option<&Self>) -> Self {
        let Refusal { uid: _, asked, why } = refusal;
        let before = before.filter(|it| it.is_about(owned, pod));
        let pause = before.map_or(FIRST_PAUSE, |it| (it.pause * 2).min(LONGEST_PAUSE));
        Self {
            asked,
            pod: pod.metadata.name.clone(),
            why,
            pod_generation: pod.metadata.generation,
            owner_generation: owned.generation,
            pause,
            at: owned.now,
        }
    }

    /// Whether pod and owner are as they were when the write was refused.
    fn is_about(&self, owned: &OwnedPods<'_>, pod: &Pod) -> bool {
        self.pod_generation == pod.metadata.generation && self.owner_generation == owned.generation
    }

    fn left(&self, now: Time) -> Duration {
        let waited = now.duration_since(self.at);
        // A clock that was set back must not prolong the pause.
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
    /// The refusals that still stand, and for how long each is still respected: zero when it is time to ask again. A
    /// refusal stands until its write was asked for again.
    pub fn standing<'a>(
        &'a self,
        owned: &OwnedPods<'a>,
    ) -> impl Iterator<Item = (&'a RefusedWrite, Duration)> {
        self.0.iter().filter_map(|((uid, _), refused)| {
            let pod = active_pod(owned, uid)?;
            let stands = refused.is_about(owned, pod);
            stands.then(|| (refused, refused.left(owned.now)))
        })
    }

    /// Whether deletions wait. One refusal is enough: they have an order (CS-62).
    #[must_use]
    pub fn hold_deletions(&self, owned: &OwnedPods<'_>) -> bool {
        self.hold(owned, |asked| asked == Asked::Deletion)
    }

    /// Whether no further pod is updated now. What is wrong with one is most likely wrong with all.
    #[must_use]
    pub fn hold_updates(&self, owned: &OwnedPods<'_>) -> bool {
        self.hold(owned, |asked| asked != Asked::Deletion)
    }

    fn hold(&self, owned: &OwnedPods<'_>, of: impl Fn(Asked) -> bool) -> bool {
        self.standing(owned)
            .any(|(refused, left)| of(refused.asked) && !left.is_zero())
    }

    /// Whether this pod's own patches wait: other pods are patched meanwhile.
    #[must_use]
    pub fn hold_patches(&self, owned: &OwnedPods<'_>, pod: &Pod) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let of = (pod.metadata.uid.clone(), Asked::Patch);
        self.0.get(&of).is_some_and(|refused| {
            refused.is_about(owned, pod) && !refused.left(owned.now).is_zero()
        })
    }

    /// Whether these words were met before.
    #[must_use]
    pub fn say(&self, why: &str) -> bool {
        self.0.values().any(|refused| refused.why == why)
    }

    /// Notes what was refused now. A refusal is forgotten when this pass asked for its write again and was not
    /// refused. It is forgotten too when it was time to ask again, nobody did, and the pass had nothing to do: the
    /// write is wanted no longer.
    ///
    /// `may_have_asked` says for each [`Asked`] whether the plan of this pass got as far as asking for such a write.
    /// A plan that acts elsewhere has not got that far.
    pub fn note(
        &mut self,
        owned: &OwnedPods<'_>,
        may_have_asked: impl Fn(Asked) -> bool,
        refusals: Vec<Refusal>,
    ) {
        let before = mem::take(&mut self.0);
        for refusal in refusals {
            if let Some(pod) = active_pod(owned, &refusal.uid) {
                let of = (refusal.uid.clone(), refusal.asked);
                let earlier = before.get(&of);
                let refused = RefusedWrite::new(owned, pod, refusal, earlier);
                self.0.insert(of, refused);
            }
        }
        for (of, refused) in before {
            let is_settled = refused.left(owned.now).is_zero() && may_have_asked(of.1);
            let stands = active_pod(owned, &of.0)
                .is_some_and(|pod| refused.is_about(owned, pod) && !is_settled);
            if stands {
                self.0.entry(of).or_insert(refused);
            }
        }
    }
}

fn active_pod<'a>(owned: &OwnedPods<'a>, uid: &str) -> Option<&'a Pod> {
    owned.pod(uid).filter(|pod| pod.is_active())
}

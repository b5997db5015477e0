//! What was so, and what the leader may not have known of it when it last counted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kruise_api::resource::PODS;
use kruise_testkit::server::Change;

use super::seen::{BudgetSeen, Cluster, PodSeen, name_of, payment};
use crate::history::History;

/// For so long a pod surely stands for one that was consented to delete: of 20 s, a fraction of the first may be missing,
/// since times are written in whole seconds (PB-53).
const DELETED_FOR: SignedDuration = SignedDuration::from_secs(19);
/// The same for a change.
const CHANGED_FOR: SignedDuration = SignedDuration::from_secs(9);
/// One that was booked before is consented to again by that booking, and what follows comes at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(2);

/// A pod that may go by our consent.
struct Consented {
    /// UID of the budget that paid: one that is made anew doesn't know of it.
    budget: String,
    until: Timestamp,
}

/// How a consent was come by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Consent {
    /// Paid for, to delete it.
    Deletion,
    /// Paid for, to change it.
    Change,
    /// By what was paid before.
    Again,
}

/// A pod that serves no more.
struct Left {
    pod: PodSeen,
    version: u64,
    /// UID of the budget by whose consent, if there was one.
    by_consent: Option<String>,
}

/// How many pods had to stay available, and the change since which that is so.
struct Desired {
    plural: &'static str,
    name: String,
    version: u64,
    pods: i64,
}

/// The last time that a budget was counted.
#[derive(Clone, Copy)]
struct Count {
    by: &'static str,
    at: Timestamp,
}

/// All that is known at one version.
pub(super) struct Known<'a> {
    history: &'a History,
    pub(super) cluster: Cluster,
    /// By UID of the pod.
    consented: BTreeMap<String, Consented>,
    /// By UID of the pod.
    left: BTreeMap<String, Left>,
    /// By UID of the budget.
    desired: BTreeMap<String, Vec<Desired>>,
    /// By UID of the budget.
    counts: BTreeMap<String, Count>,
    /// Since which version a pod serves and names its budget, by UID.
    protected: BTreeMap<String, u64>,
    /// Until which version a pod was booked, by budget and name.
    booked: BTreeMap<(String, String), u64>,
    /// Since which version a budget has a status, by UID.
    protects: BTreeMap<String, u64>,
    /// Since which version that wants pods to stay, by UID.
    wants: BTreeMap<String, u64>,
}

impl<'a> Known<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self {
            history,
            cluster: Cluster::default(),
            consented: BTreeMap::new(),
            left: BTreeMap::new(),
            desired: BTreeMap::new(),
            counts: BTreeMap::new(),
            protected: BTreeMap::new(),
            booked: BTreeMap::new(),
            protects: BTreeMap::new(),
            wants: BTreeMap::new(),
        }
    }

    /// Goes on by a change.
    pub(super) fn put(&mut self, change: &Change) {
        let name = name_of(change);
        let before = self.cluster.pods.get(&name).cloned();
        let budget = self.cluster.budgets.get(&name).cloned();
        if !self.cluster.put(change) {
            return;
        }
        if change.resource == PODS {
            self.pod_changed(change, before);
        } else if change.resource.plural == "podunavailablebudgets" {
            self.budget_changed(change, &name, budget);
        }
        self.desire(change, &name);
    }

    fn pod_changed(&mut self, change: &Change, before: Option<PodSeen>) {
        let after = self.cluster.pods.get(&name_of(change)).cloned();
        if let Some(pod) = before
            && pod.serves
            && !after
                .as_ref()
                .is_some_and(|it| it.uid == pod.uid && it.serves)
        {
            let left = Left {
                by_consent: self.consent_to(&pod, change.at).map(str::to_owned),
                version: change.version,
                pod,
            };
            self.protected.remove(&left.pod.uid);
            self.left.insert(left.pod.uid.clone(), left);
        }
        let Some(pod) = after else {
            return;
        };
        if pod.serves {
            self.left.remove(&pod.uid);
        }
        if pod.serves && pod.link.is_some() && !pod.is_exempt {
            self.protected.entry(pod.uid).or_insert(change.version);
        } else {
            self.protected.remove(&pod.uid);
        }
    }

    fn budget_changed(&mut self, change: &Change, name: &str, before: Option<BudgetSeen>) {
        let after = self.cluster.budgets.get(name);
        if let Some(before) = &before {
            let is_booked = |pod: &str| after.is_some_and(|it| it.status.has_booked(pod));
            for (pod, _) in before
                .status
                .booked
                .keys()
                .filter(|(pod, _)| !is_booked(pod))
            {
                let key = (before.uid.clone(), pod.clone());
                self.booked.insert(key, change.version);
            }
        }
        let Some(after) = after else {
            return;
        };
        if after.status.is_written() && !after.is_going {
            self.protects
                .entry(after.uid.clone())
                .or_insert(change.version);
        } else {
            self.protects.remove(&after.uid);
        }
        if after.status.counted[2] == 0 {
            self.wants.remove(&after.uid);
        } else {
            self.wants
                .entry(after.uid.clone())
                .or_insert(change.version);
        }
        let is_count = before.is_some_and(|it| it.status != after.status)
            && self.history.is_ours(change.by)
            && payment(change).is_none();
        if is_count {
            let count = Count {
                by: change.by,
                at: change.at,
            };
            self.counts.insert(after.uid.clone(), count);
        }
    }

    /// Notes how many pods have to stay available now, where that has changed.
    fn desire(&mut self, change: &Change, name: &str) {
        for budget in self.cluster.budgets.values() {
            let pods = self.cluster.desired(budget);
            let states = self.desired.entry(budget.uid.clone()).or_default();
            if states.last().is_none_or(|last| last.pods != pods) {
                states.push(Desired {
                    plural: change.resource.plural,
                    name: name.to_owned(),
                    version: change.version,
                    pods,
                });
            }
        }
    }

    /// Since which version this pod may not go without consent, and the budget that says so.
    pub(super) fn protection(&self, pod: &str) -> Option<(&PodSeen, &BudgetSeen, u64)> {
        let pod = self.cluster.pods.get(pod)?;
        let budget = self.cluster.budgets.get(pod.link.as_ref()?)?;
        let since = self
            .protected
            .get(&pod.uid)?
            .max(self.protects.get(&budget.uid)?);
        let is_its = self.cluster.covers(budget, pod);
        is_its.then_some((pod, budget, *since))
    }

    /// Whether its status has said since this version that pods must stay.
    pub(super) fn wants_since(&self, budget: &BudgetSeen, version: u64) -> bool {
        let since = self.wants.get(&budget.uid);
        since.is_some_and(|since| *since <= version)
    }

    /// Whether a pod of this name is booked, or was since this version.
    pub(super) fn was_booked(&self, budget: &BudgetSeen, pod: &str, since: u64) -> bool {
        let key = (budget.uid.clone(), pod.to_owned());
        let until = self.booked.get(&key);
        budget.status.has_booked(pod) || until.is_some_and(|until| *until >= since)
    }

    /// Whether this pod may go by the consent of this budget.
    pub(super) fn is_consented(&self, pod: &PodSeen, budget: &BudgetSeen, at: Timestamp) -> bool {
        self.consent_to(pod, at) == Some(&budget.uid)
    }

    /// UID of the budget by whose consent this pod may go.
    fn consent_to(&self, pod: &PodSeen, at: Timestamp) -> Option<&str> {
        let consented = self.consented.get(&pod.uid).filter(|it| it.until >= at);
        consented.map(|it| it.budget.as_str())
    }

    /// From now on this pod may go.
    pub(super) fn consent(
        &mut self,
        pod: &PodSeen,
        budget: &BudgetSeen,
        consent: Consent,
        at: Timestamp,
    ) {
        let until = at
            + match consent {
                Consent::Deletion => DELETED_FOR,
                Consent::Change => CHANGED_FOR,
                Consent::Again => AT_ONCE,
            };
        let before = self.consented.get(&pod.uid);
        let before = before.filter(|it| it.budget == budget.uid);
        let consented = Consented {
            budget: budget.uid.clone(),
            until: before.map_or(until, |it| it.until.max(until)),
        };
        self.consented.insert(pod.uid.clone(), consented);
    }

    /// What it comes to when this pod goes as well; none, if enough are left.
    pub(super) fn overspent(
        &self,
        pod: &PodSeen,
        budget: &BudgetSeen,
        at: Timestamp,
    ) -> Option<String> {
        let serving = self.cluster.serving(budget);
        let free: Vec<&PodSeen> = serving
            .filter(|it| !self.is_consented(it, budget, at))
            .collect();
        let unseen = self.unseen(budget, &free);
        let desired = self.least_desired(budget);
        let left = free.iter().filter(|it| it.uid != pod.uid).count() + unseen.len();
        if i64::try_from(left).unwrap_or(i64::MAX) >= desired {
            return None;
        }
        let names = |pods: &[&PodSeen]| pods.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let (free, unseen) = (names(&free), names(&unseen));
        let gone: Vec<String> = self.consented_and_gone(budget);
        Some(format!(
            "{} may go of {}: of {free:?}, and {unseen:?} whose end the leader need not know, {desired} must stay; gone by \
             consent: {gone:?}",
            pod.name, budget.name
        ))
    }

    fn consented_and_gone(&self, budget: &BudgetSeen) -> Vec<String> {
        let left = self.left.values();
        let gone = left.filter(|it| it.by_consent.as_ref() == Some(&budget.uid));
        gone.map(|it| it.pod.name.clone()).collect()
    }

    /// Pods that serve no more without our consent, and of which the leader need not have known when it last counted.
    fn unseen(&self, budget: &BudgetSeen, serving: &[&PodSeen]) -> Vec<&PodSeen> {
        let left = self.left.values();
        let left = left.filter(|it| it.by_consent.as_ref() != Some(&budget.uid));
        let unseen = left.filter(|it| {
            self.cluster.covers(budget, &it.pod)
                && !self.knew(budget, PODS.plural, &it.pod.name, it.version)
                && !serving.iter().any(|serving| serving.name == it.pod.name)
        });
        unseen.map(|it| &it.pod).collect()
    }

    /// How many had to stay available at least, by all that the leader may have gone by when it last counted.
    fn least_desired(&self, budget: &BudgetSeen) -> i64 {
        let states = self.desired.get(&budget.uid).map_or(&[][..], Vec::as_slice);
        let mut least = i64::MAX;
        for state in states.iter().rev() {
            least = least.min(state.pods);
            if self.knew(budget, state.plural, &state.name, state.version) {
                break;
            }
        }
        least
    }

    /// Whether who counted last had surely been told.
    fn knew(&self, budget: &BudgetSeen, plural: &str, name: &str, version: u64) -> bool {
        let count = self.counts.get(&budget.uid);
        count.is_some_and(|count| {
            let told = &self.history.told;
            told.knew(count.by, plural, name, version, count.at)
        })
    }
}

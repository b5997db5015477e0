//! Other eyes on a plan: knows the rules, not how plans are made, and nothing of the planner's but what it says. Every
//! test runs it, and debug builds run it on every plan before it is executed.

use kruise_api::{
    availability,
    pod::Pod,
    revision::label_names,
    selector::Selector,
    template::PodTemplate,
    text::Text,
    well_known::{labels, lifecycle_states},
};
use kruise_plan::{PodRef, check::pods};

use crate::{
    plan::{Phase, Plan},
    snapshot::Snapshot,
};

mod budgets;
mod claims;
mod terms;
mod updates;
mod writes;

use terms::Terms;
use writes::Writes;

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let facts = Facts::of(snapshot, plan);
    facts.pods_as_any_owner(&mut found);
    facts.never_both_ways(&mut found);
    facts.not_too_many_pods(&mut found);
    facts.enough_stay_ready(&mut found);
    facts.partition_is_kept(&mut found);
    facts.few_are_unavailable_for_an_update(&mut found);
    facts.trims_are_apart(&mut found);
    facts.nothing_without_a_matching_template(&mut found);
    facts.says_why_it_waits(&mut found);
    claims::violations(&facts, &mut found);
    facts.budgets_are_kept(&mut found);
    found
}

struct Facts<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    terms: Terms,
    writes: Writes<'a>,
}

impl<'a> Facts<'a> {
    fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        Self {
            snapshot,
            plan,
            terms: Terms::of(&snapshot.set.spec, &snapshot.gates),
            writes: Writes::of(&plan.steps),
        }
    }

    fn touches_pods(&self) -> bool {
        !self.writes.touched().is_empty() || !self.writes.creations.is_empty()
    }

    fn pod(&self, pod: &PodRef) -> Option<&'a Pod> {
        self.snapshot.owned_pods().pod(&pod.uid)
    }

    /// Pods that an update in place makes unready.
    fn updated(&self) -> impl Iterator<Item = &'a PodRef> {
        self.writes.updates.iter().map(|update| &update.pod)
    }

    fn is_ready(&self, pod: &Pod) -> bool {
        availability::is_available(pod, 0, self.snapshot.now)
    }

    fn claimed(&self) -> impl Iterator<Item = &Pod> {
        let uid = self.snapshot.uid();
        self.snapshot
            .active_pods()
            .map(AsRef::as_ref)
            .filter(move |pod| {
                pod.metadata
                    .controller()
                    .is_some_and(|owner| owner.uid == uid)
            })
    }

    /// What holds for pods whatever the kind of their owner is. A pod that is only asked about is changed by nobody,
    /// and may be changed besides.
    fn pods_as_any_owner(&self, found: &mut Vec<String>) {
        let (owner, owned) = (self.snapshot.owner(), self.snapshot.owned_pods());
        let (touched, new) = (self.writes.touched(), self.writes.new_names());
        let tried = self.writes.trials.iter().map(|update| &update.pod);
        let meant: Vec<_> = touched.iter().copied().chain(tried).collect();
        found.extend(pods::only_owned(owner.uid(), &owned, &meant));
        found.extend(pods::none_terminating(&owned, &meant));
        found.extend(pods::none_finished(&owned, &meant));
        found.extend(pods::each_once(&touched));
        let others = &self.snapshot.taken_names;
        found.extend(pods::names_are_new(&owned, others, &new));
        found.extend(pods::nothing_while_owner_terminates(&owner, &meant, &new));
    }

    /// CS-60, CS-62: other kinds do both in one pass.
    fn never_both_ways(&self, found: &mut Vec<String>) {
        if !self.writes.creations.is_empty() && !self.writes.deletions.is_empty() {
            found.push("creates and deletes pods at once".to_owned());
        }
    }

    fn not_too_many_pods(&self, found: &mut Vec<String>) {
        let n_new = self.writes.creations.len();
        if n_new == 0 {
            return;
        }
        let is_preparing_delete = |pod: &Pod| {
            pod.metadata
                .labels
                .get(labels::LIFECYCLE_STATE)
                .map(Text::as_str)
                == Some(lifecycle_states::PREPARING_DELETE)
        };
        let excludes = self.terms.exclude_preparing_delete;
        let present = self
            .claimed()
            .filter(|pod| !(excludes && is_preparing_delete(pod)))
            .count();
        let allowed = self.terms.replicas + self.terms.max_surge;
        if number(present + n_new) > allowed {
            found.push(format!(
                "{present} pods and {n_new} new ones are more than replicas and maxSurge: {allowed}"
            ));
        }
    }

    /// Ready pods may go only as far as replicas - maxUnavailable stay.
    fn enough_stay_ready(&self, found: &mut Vec<String>) {
        let ready = self.claimed().filter(|pod| self.is_ready(pod)).count();
        let deletions = self.writes.deletions.iter().copied();
        let taken = deletions
            .chain(self.updated())
            .filter(|pod| self.pod(pod).is_some_and(|pod| self.is_ready(pod)))
            .count();
        let floor = (self.terms.replicas - self.terms.max_unavailable).max(0);
        if taken > 0 && number(ready) - number(taken) < floor {
            found.push(format!(
                "{taken} of {ready} ready pods are taken, {floor} must stay"
            ));
        }
    }

    fn partition_is_kept(&self, found: &mut Vec<String>) {
        let label = |pod: &Pod| {
            pod.metadata
                .labels
                .get(labels::CONTROLLER_REVISION_HASH)
                .cloned()
        };
        let target = self.writes.updates.first().map(|update| &update.revision);
        // Going back to the current revision raises the number that the partition keeps.
        let Some(target) =
            target.filter(|target| **target != self.snapshot.set.status.current_revision)
        else {
            return;
        };
        let n_old = self
            .claimed()
            .filter(|pod| label(pod).is_none_or(|label| !label_names(&label, target)))
            .count();
        let (n_updated, kept) = (self.writes.updates.len(), self.terms.partition);
        if number(n_updated) + kept > number(n_old).max(kept) {
            found.push(format!(
                "{n_updated} of {n_old} old pods are updated, the partition keeps {kept}"
            ));
        }
    }

    /// A failure to trim is no failure (CS-22, 12 and 13), and only that.
    fn trims_are_apart(&self, found: &mut Vec<String>) {
        let misplaced = match self.plan.phase {
            Phase::Trim => &self.writes.works,
            Phase::Prepare | Phase::Scale | Phase::Update => &self.writes.trims,
        };
        let phase = self.plan.phase;
        let misplaced = misplaced.iter();
        found.extend(misplaced.map(|step| format!("in phase {phase:?}: {step:?}")));
    }

    /// DV-CS9
    fn nothing_without_a_matching_template(&self, found: &mut Vec<String>) {
        if !self.touches_pods() {
            return;
        }
        let labels = PodTemplate::view(&self.snapshot.set.spec.template)
            .map(|template| template.metadata.labels)
            .unwrap_or_default();
        let matches = Selector::parse(&self.snapshot.set.spec.selector)
            .is_ok_and(|selector| !selector.is_empty() && selector.matches(&labels));
        if !matches {
            found.push("pods are touched although the template does not match".to_owned());
        }
    }

    /// A plan that does nothing while the CloneSet is not as wanted names what it waits for.
    fn says_why_it_waits(&self, found: &mut Vec<String>) {
        if !self.plan.steps.is_empty()
            || !self.plan.waiting_on.is_empty()
            || self.snapshot.set.metadata.is_terminating()
        {
            return;
        }
        let available = self
            .claimed()
            .filter(|pod| {
                availability::is_available(pod, self.terms.min_ready_seconds, self.snapshot.now)
            })
            .count();
        if number(available) != self.terms.replicas {
            found.push(format!(
                "{available} of {} pods are available, nothing is done and no reason is given",
                self.terms.replicas
            ));
        }
    }
}

/// As the terms count.
fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

//! Other eyes on a plan: knows the rules, not how plans are made. Every test runs it, and debug
//! builds run it on every plan before it is executed.

mod budgets;

use std::collections::BTreeSet;

use kruise_api::{
    availability,
    pod::Pod,
    selector::Selector,
    template::PodTemplate,
    text::Text,
    well_known::{labels, lifecycle_states},
};

use kruise_plan::PodRef;

use crate::{
    plan::{Phase, Plan, Spec, Step},
    snapshot::Snapshot,
};

mod claims;
mod updates;

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let facts = Facts::of(snapshot, plan);
    facts.only_our_pods(&mut found);
    facts.names_are_new(&mut found);
    facts.never_both_ways(&mut found);
    facts.not_too_many_pods(&mut found);
    facts.enough_stay_ready(&mut found);
    facts.partition_is_kept(&mut found);
    facts.few_are_unavailable_for_an_update(&mut found);
    facts.trims_are_apart(&mut found);
    facts.nothing_while_terminating(&mut found);
    facts.nothing_without_a_matching_template(&mut found);
    facts.says_why_it_waits(&mut found);
    claims::violations(&facts, &mut found);
    facts.budgets_are_kept(&mut found);
    found
}

struct Facts<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    spec: Spec,
    creates: Vec<&'a str>,
    deletes: Vec<&'a PodRef>,
    /// Pods made unready by an update.
    updates: Vec<&'a PodRef>,
    touched: Vec<&'a PodRef>,
}

impl<'a> Facts<'a> {
    fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        let mut facts = Self {
            snapshot,
            plan,
            spec: Spec::of(&snapshot.set.spec),
            creates: Vec::new(),
            deletes: Vec::new(),
            updates: Vec::new(),
            touched: Vec::new(),
        };
        for step in &plan.steps {
            match step {
                Step::CreatePods { batches } => {
                    facts
                        .creates
                        .extend(batches.iter().flatten().map(|pod| pod.name.as_str()));
                }
                Step::DeletePods { pods, .. } => {
                    facts.deletes.extend(pods);
                    facts.touched.extend(pods);
                }
                Step::UpdatePodsInPlace { updates } => {
                    facts
                        .updates
                        .extend(updates.iter().map(|update| &update.pod));
                    facts
                        .touched
                        .extend(updates.iter().map(|update| &update.pod));
                }
                Step::AdoptPods { patches }
                | Step::PatchPods { patches }
                | Step::MarkPodsForRecreate { patches } => {
                    facts.touched.extend(patches.iter().map(|patch| &patch.pod));
                }
                Step::MoveClaims { .. }
                | Step::DeleteOrphanClaims { .. }
                | Step::CreateRevision { .. }
                | Step::PatchRevision { .. }
                | Step::DeleteRevision { .. }
                | Step::TryUpdate { .. }
                | Step::SpendBudgets { .. }
                | Step::PatchCloneSet { .. } => {}
            }
        }
        facts
    }

    fn pod(&self, pod: &PodRef) -> Option<&Pod> {
        self.snapshot
            .pods
            .iter()
            .map(AsRef::as_ref)
            .find(|known| known.metadata.uid == pod.uid)
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

    fn only_our_pods(&self, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for touched in &self.touched {
            match self.pod(touched) {
                None => found.push(format!("pod {} is not in the snapshot", touched.name)),
                Some(pod) if !pod.metadata.is_owned_by(self.snapshot.uid()) => {
                    found.push(format!("pod {} is not ours", touched.name));
                }
                Some(pod) if !pod.is_active() => {
                    found.push(format!("pod {} is finished or terminating", touched.name));
                }
                Some(_) => {}
            }
            if !seen.insert(&touched.uid) {
                found.push(format!("pod {} is touched twice", touched.name));
            }
        }
    }

    fn names_are_new(&self, found: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for name in &self.creates {
            let exists = self.snapshot.taken_names.contains(*name)
                || self
                    .snapshot
                    .pods
                    .iter()
                    .any(|pod| pod.metadata.name == *name);
            if exists || !seen.insert(name) {
                found.push(format!("pod name {name} is already there"));
            }
        }
    }

    fn never_both_ways(&self, found: &mut Vec<String>) {
        if !self.creates.is_empty() && !self.deletes.is_empty() {
            found.push("creates and deletes pods at once".to_owned());
        }
    }

    fn not_too_many_pods(&self, found: &mut Vec<String>) {
        if self.creates.is_empty() {
            return;
        }
        let is_preparing_delete = |pod: &Pod| {
            pod.metadata
                .labels
                .get(labels::LIFECYCLE_STATE)
                .map(Text::as_str)
                == Some(lifecycle_states::PREPARING_DELETE)
        };
        let excludes =
            self.spec.exclude_preparing_delete || self.snapshot.gates.exclude_preparing_delete;
        let present = self
            .claimed()
            .filter(|pod| !(excludes && is_preparing_delete(pod)))
            .count();
        let allowed = self.spec.replicas + self.spec.max_surge;
        if present + self.creates.len() > usize::try_from(allowed).unwrap_or(0) {
            found.push(format!(
                "{present} pods and {} new ones are more than replicas and maxSurge: {allowed}",
                self.creates.len()
            ));
        }
    }

    /// Ready pods may go only as far as replicas - maxUnavailable stay.
    fn enough_stay_ready(&self, found: &mut Vec<String>) {
        let ready = self.claimed().filter(|pod| self.is_ready(pod)).count();
        let taken = self
            .deletes
            .iter()
            .chain(&self.updates)
            .filter(|pod| self.pod(pod).is_some_and(|pod| self.is_ready(pod)))
            .count();
        let floor = usize::try_from(self.spec.replicas - self.spec.max_unavailable).unwrap_or(0);
        if taken > 0 && ready - taken < floor {
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
        let target = self.plan.steps.iter().find_map(|step| match step {
            Step::UpdatePodsInPlace { updates } => {
                updates.first().map(|update| update.revision.clone())
            }
            _ => None,
        });
        // Going back to the current revision raises the number that the partition keeps.
        let Some(target) =
            target.filter(|target| *target != self.snapshot.set.status.current_revision)
        else {
            return;
        };
        let n_old = self
            .claimed()
            .filter(|pod| {
                label(pod).is_none_or(|label| !kruise_api::revision::label_names(&label, &target))
            })
            .count();
        let kept = usize::try_from(self.spec.partition).unwrap_or(0);
        if self.updates.len() + kept > n_old.max(kept) {
            found.push(format!(
                "{} of {n_old} old pods are updated, the partition keeps {kept}",
                self.updates.len()
            ));
        }
    }

    fn nothing_while_terminating(&self, found: &mut Vec<String>) {
        let touches = !self.touched.is_empty() || !self.creates.is_empty();
        if self.snapshot.set.metadata.is_terminating() && touches {
            found.push("pods of a terminating CloneSet are touched".to_owned());
        }
    }

    /// A failure to trim is no failure (CS-22, 12 and 13), and only that.
    fn trims_are_apart(&self, found: &mut Vec<String>) {
        for step in &self.plan.steps {
            let trims = matches!(
                step,
                Step::DeleteRevision { .. } | Step::PatchCloneSet { .. }
            );
            if trims != (self.plan.phase == Phase::Trim) {
                found.push(format!("in phase {:?}: {step:?}", self.plan.phase));
            }
        }
    }

    /// DV-CS9
    fn nothing_without_a_matching_template(&self, found: &mut Vec<String>) {
        if self.touched.is_empty() && self.creates.is_empty() {
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
                availability::is_available(pod, self.spec.min_ready_seconds, self.snapshot.now)
            })
            .count();
        if available != usize::try_from(self.spec.replicas).unwrap_or(0) {
            found.push(format!(
                "{available} of {} pods are available, nothing is done and no reason is given",
                self.spec.replicas
            ));
        }
    }
}

//! PodUnavailableBudgets: a pod that serves is updated only where its budget was charged before (CS-87, PB-62).

use std::collections::{BTreeMap, BTreeSet};

use kruise_api::{
    budget::{self, Operation},
    inplace::PodWrite,
    pod::Pod,
    read::PodUnavailableBudget,
    well_known::{
        annotations::PUB_NO_PROTECT, labels::LIFECYCLE_STATE, lifecycle_states::PREPARING_UPDATE,
    },
};
use serde_json::Value;

use kruise_plan::PodPatch;

use super::{Facts, writes::Spending};
use crate::plan::BudgetPatch;

impl Facts<'_> {
    pub(super) fn budgets_are_kept(&self, found: &mut Vec<String>) {
        let mut charged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut taken: BTreeMap<&str, i32> = BTreeMap::new();
        for spending in &self.writes.spending {
            let pod = match spending {
                Spending::Charge(patch) => {
                    charged.insert(&patch.budget, names(patch));
                    self.adds_up(patch, found);
                    continue;
                }
                Spending::Patch(patch) if !prepares(patch) => continue,
                Spending::Patch(patch) => self.pod(&patch.pod),
                Spending::Update(pod) => self.pod(pod),
            };
            let Some((budget, pod)) = pod.and_then(|pod| Some((self.budget_of(pod)?, pod))) else {
                continue;
            };
            let (name, pod) = (&budget.metadata.name, &pod.metadata.name);
            if budget.has_recorded(pod) {
                continue;
            }
            *taken.entry(name).or_default() += 1;
            if !charged
                .get(name.as_str())
                .is_some_and(|it| it.contains(pod.as_str()))
            {
                found.push(format!(
                    "pod {pod} is updated and budget {name} not charged"
                ));
            }
        }
        for budget in &self.snapshot.budgets {
            let name = &budget.metadata.name;
            let n_taken = taken.get(name.as_str()).copied().unwrap_or(0);
            let allowed = budget.status.unavailable_allowed.max(0);
            if n_taken > allowed {
                found.push(format!(
                    "{n_taken} ready pods are updated, budget {name} allows {allowed}"
                ));
            }
        }
    }

    /// What is left is what was there without what is recorded, and the very object that was read is changed.
    fn adds_up(&self, BudgetPatch { budget, patch }: &BudgetPatch, found: &mut Vec<String>) {
        let known = self.snapshot.budgets.iter();
        let Some(known) = known.into_iter().find(|it| it.metadata.name == *budget) else {
            found.push(format!("budget {budget} is not in the snapshot"));
            return;
        };
        let text = |pointer| patch.pointer(pointer).and_then(Value::as_str);
        if text("/metadata/resourceVersion") != Some(known.metadata.resource_version.as_str())
            || text("/metadata/uid") != Some(known.metadata.uid.as_str())
        {
            found.push(format!("budget {budget} is charged without its version"));
        }
        let recorded = patch
            .pointer("/status/unavailablePods")
            .and_then(Value::as_object);
        // A record that is renewed costs nothing (DV-PB15).
        let charged = recorded.into_iter().flat_map(|it| it.keys());
        let n_charged = charged.filter(|pod| !known.has_recorded(pod)).count();
        let left = patch
            .pointer("/status/unavailableAllowed")
            .and_then(Value::as_i64);
        let before = i64::from(known.status.unavailable_allowed);
        let expected = before - i64::try_from(n_charged).unwrap_or(i64::MAX);
        if left != Some(expected) || expected < 0 {
            found.push(format!(
                "budget {budget} is charged {n_charged} of {before} and has {left:?} left"
            ));
        }
    }

    /// The budget that has a say about this pod.
    fn budget_of(&self, pod: &Pod) -> Option<&PodUnavailableBudget> {
        let exempt = pod.metadata.annotations.get(PUB_NO_PROTECT);
        let serves =
            budget::is_ready(pod) && budget::is_consistent(pod, &self.snapshot.gates.in_place);
        if !serves || exempt.is_some_and(|exempt| exempt.eq_ignore_ascii_case("true")) {
            return None;
        }
        let name = budget::related(pod)?;
        let budgets = self.snapshot.budgets.iter().map(AsRef::as_ref);
        budgets
            .filter(|budget| budget.metadata.name == name)
            .filter(|budget| budget.status.desired_available != 0)
            .filter(|budget| budget.protects(Operation::Update, false))
            .find(|budget| budget.ignores(pod) != Ok(true))
    }
}

fn names(BudgetPatch { budget: _, patch }: &BudgetPatch) -> BTreeSet<&str> {
    let entries = patch.pointer("/status/unavailablePods");
    let entries = entries.and_then(Value::as_object);
    entries
        .into_iter()
        .flat_map(|entries| entries.keys().map(String::as_str))
        .collect()
}

/// Whether the patch takes the pod out of service to be updated next: it is paid for here, and not again.
fn prepares(PodPatch { pod: _, writes }: &PodPatch) -> bool {
    writes.iter().any(
        |PodWrite {
             subresource: _,
             patch,
         }| {
            let labels = patch.pointer("/metadata/labels");
            labels.and_then(|labels| labels.get(LIFECYCLE_STATE)) == Some(&PREPARING_UPDATE.into())
        },
    )
}

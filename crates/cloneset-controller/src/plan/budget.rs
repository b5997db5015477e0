//! Asking PodUnavailableBudgets before pods are updated (CS-87, PB-62). What they allow is spent in the same
//! plan, before any pod is touched: a pod that is marked not ready would pass unasked afterwards.

use std::collections::BTreeMap;

use kruise_api::{
    budget::{self, Decision, Ledger, Operation, Options},
    pod::Pod,
};

use super::{BudgetPatch, Step};
use crate::{snapshot::Snapshot, wait::WaitReason};

/// The budgets of the namespace, each with what the pods asked about so far have left of it.
pub(super) struct Budgets<'a> {
    snapshot: &'a Snapshot,
    ledgers: BTreeMap<&'a str, Ledger<'a>>,
}

impl<'a> Budgets<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let ledgers = snapshot
            .budgets
            .iter()
            .map(|budget| (budget.metadata.name.as_str(), Ledger::new(budget)))
            .collect();
        Self { snapshot, ledgers }
    }

    /// Takes what an update of this pod costs, in place or by a new pod.
    ///
    /// # Errors
    ///
    /// Why the pod must not be updated now.
    pub(super) fn ask(&mut self, pod: &Pod) -> Result<(), WaitReason> {
        let name = budget::related(pod).unwrap_or_default();
        let ledger = self.ledgers.get_mut(name);
        let options = Options {
            in_place: self.snapshot.gates.in_place,
            ..Options::default()
        };
        let decision = budget::decide(
            pod,
            Operation::Update,
            ledger.as_ref().map(|ledger| ledger.copies()),
            self.snapshot.now,
            &options,
        )
        .map_err(|error| WaitReason::BudgetUnreadable {
            budget: name.to_owned(),
            why: format!("spec.ignoredPodSelector: {error}"),
        })?;
        match (decision, ledger) {
            (Decision::Refused(refusal), _) => Err(WaitReason::BudgetRefused {
                pod: pod.metadata.name.clone(),
                budget: name.to_owned(),
                why: format!("{}: {refusal}", refusal.field()),
            }),
            (Decision::Spend(spend), Some(ledger)) => {
                ledger.spend(spend);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes down what was spent: one patch a budget.
    pub(super) fn step(&self) -> Option<Step> {
        let patches: Vec<BudgetPatch> = self
            .ledgers
            .iter()
            .filter_map(|(name, ledger)| {
                Some(BudgetPatch {
                    budget: (*name).to_owned(),
                    patch: ledger.patch()?,
                })
            })
            .collect();
        (!patches.is_empty()).then_some(Step::SpendBudgets { patches })
    }
}

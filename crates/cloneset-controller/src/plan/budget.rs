//! Asking PodUnavailableBudgets before pods are updated (CS-87, PB-62). What they allow is spent in the same
//! plan, before any pod is touched: a pod that is marked not ready would pass unasked afterwards.

use std::{collections::BTreeMap, time::Duration};

use kruise_api::{
    budget::{self, Decision, Ledger, Operation, Options},
    pod::Pod,
};

use kruise_plan::WaitReason;

use super::step::{BudgetPatch, Step};
use crate::snapshot::Snapshot;

/// Pause after a budget has refused (CS-26).
pub(super) const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The budgets that were asked so far, each with what the pods before have left of it.
pub(super) struct Budgets<'a> {
    snapshot: &'a Snapshot,
    ledgers: BTreeMap<&'a str, Ledger<'a>>,
}

impl<'a> Budgets<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            ledgers: BTreeMap::new(),
        }
    }

    /// Takes what an update of this pod costs, in place or by a new pod.
    ///
    /// # Errors
    ///
    /// Why the pod must not be updated now.
    pub(super) fn ask(&mut self, pod: &Pod) -> Result<(), WaitReason> {
        let snapshot = self.snapshot;
        let options = Options {
            in_place: snapshot.gates.in_place,
            ..Options::default()
        };
        let Some(name) = budget::related(pod) else {
            return Ok(());
        };
        let Some(ledger) = self.ledger(name) else {
            return Ok(());
        };
        let decision = budget::decide(
            pod,
            Operation::Update,
            Some(ledger.left()),
            snapshot.now,
            &options,
        )
        .map_err(|error| WaitReason::BudgetUnreadable {
            budget: name.to_owned(),
            why: format!("spec.ignoredPodSelector: {error}"),
        })?;
        match decision {
            Decision::Refused(refusal) => Err(WaitReason::BudgetRefused {
                pod: pod.metadata.name.clone(),
                budget: name.to_owned(),
                why: format!("{}: {refusal}", refusal.field()),
            }),
            Decision::Spend(spend) => {
                ledger.spend(spend);
                Ok(())
            }
            Decision::Allowed(_) => Ok(()),
        }
    }

    fn ledger(&mut self, name: &str) -> Option<&mut Ledger<'a>> {
        let mut budgets = self.snapshot.budgets.iter();
        let budget = budgets.find(|budget| budget.metadata.name == name)?;
        let ledger = self.ledgers.entry(&budget.metadata.name);
        Some(ledger.or_insert_with(|| Ledger::new(budget)))
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

//! What a plan is made from: plain data, looked up before planning starts.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::meta::Time;

use crate::{budget::Budget, pod::BudgetPod};

/// Everything the planner knows of one budget at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The budget as the watch shows it.
    pub budget: Arc<Budget>,
    /// Its pods: active ones, each once (PB-20).
    pub pods: Vec<Arc<BudgetPod>>,
    /// How many pods there should be; below 0 where that is not known (PB-23).
    pub expected: i32,
    /// Whether it had no pods in the pass before, either.
    pub had_no_pods: bool,
    /// How many workloads behind the pods are of kinds that are not watched, so that nothing tells when they change.
    pub n_unwatched: usize,
    /// Names of active pods that are recorded in the status and are none of these pods: they may have come since these were
    /// looked up.
    pub elsewhere: BTreeSet<String>,
    /// Names of pods that are recorded in the status, and that the index shows as ended or on their way out.
    pub ended: BTreeSet<String>,
    /// Names of pods that were read live in this pass.
    pub read_live: BTreeSet<String>,
    /// The controller's clock when the pods were looked at.
    pub now: Time,
    /// Gate `InPlaceWorkloadVerticalScaling`.
    pub vertical_scaling: bool,
}

impl Snapshot {
    /// UID of the budget.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.budget.metadata().uid
    }

    /// Whether it was seen that the pod of this name has ended, goes or is gone. Of a recorded pod that is none of these
    /// pods.
    #[must_use]
    pub fn is_seen_gone(&self, name: &str) -> bool {
        self.ended.contains(name) || self.read_live.contains(name)
    }
}

/// What is remembered of a budget between two passes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Whether it had no pods.
    pub had_no_pods: bool,
}

//! What a plan is made from: plain data, looked up before planning starts.

use std::sync::Arc;

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
    /// Whether a workload behind the pods is of a kind that is not watched, so that nothing tells when it changes.
    pub asks_again: bool,
    /// The controller's clock, at the start of the pass.
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
}

//! What a budget protects, and whom it has paid for already.

use jiff::SignedDuration;

use super::{DISRUPTED_FOR, Operation, UNAVAILABLE_FOR};
use crate::{
    meta::Time,
    pod::Pod,
    read::PodUnavailableBudget,
    selector::{Selector, SelectorError},
    text::Text,
    text_map::TextMap,
    well_known::annotations::PUB_PROTECT_OPERATIONS,
};

impl PodUnavailableBudget {
    /// Whether the budget protects pods from this operation (PB-44, PB-45). `resize_apart` is
    /// [`Options::resize_apart`](super::Options).
    #[must_use]
    pub fn protects(&self, operation: Operation, resize_apart: bool) -> bool {
        let set = self.protected();
        let has = |operation: Operation| set.contains(&operation.as_str());
        let as_update = operation == Operation::Resize && !resize_apart;
        has(operation) || (as_update && has(Operation::Update))
    }

    fn protected(&self) -> Vec<&str> {
        let field = &self.spec.protect_operations;
        if !field.is_empty() {
            return field.iter().map(String::as_str).collect();
        }
        let annotation = self.metadata.annotations.get(PUB_PROTECT_OPERATIONS);
        // Not trimmed: "EVICT, UPDATE" protects evictions alone.
        let items = annotation.map_or("", Text::as_str).split(',');
        let items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
        if items.is_empty() {
            DEFAULT.map(Operation::as_str).to_vec()
        } else {
            items
        }
    }

    /// Whether the budget leaves this pod out. An empty selector selects nothing here (PB-38.4).
    ///
    /// # Errors
    ///
    /// When the selector can't be read.
    pub fn ignores(&self, pod: &Pod) -> Result<bool, SelectorError> {
        self.ignores_labels(&pod.metadata.labels)
    }

    /// [`PodUnavailableBudget::ignores`], of a pod with these labels.
    pub(super) fn ignores_labels(&self, labels: &TextMap) -> Result<bool, SelectorError> {
        let Some(selector) = &self.spec.ignored_pod_selector else {
            return Ok(false);
        };
        let selector = Selector::parse(selector)?;
        Ok(!selector.is_empty() && selector.matches(labels))
    }

    /// Whether the pod of this name was paid for, and the budget's controller has not taken the record away
    /// yet.
    #[must_use]
    pub fn has_recorded(&self, pod: &str) -> bool {
        self.status.disrupted_pods.contains_key(pod)
            || self.status.unavailable_pods.contains_key(pod)
    }

    /// For how long the record of this pod still stands (PB-53), below 0 when its time is up; `None`: there is none.
    #[must_use]
    pub fn recorded_for(&self, pod: &str, now: Time) -> Option<SignedDuration> {
        let left = |at: &Time, stands_for: SignedDuration| {
            stands_for.saturating_sub(now.duration_since(*at))
        };
        let disrupted = self.status.disrupted_pods.get(pod);
        let disrupted = disrupted.map(|at| left(at, DISRUPTED_FOR));
        let unavailable = self.status.unavailable_pods.get(pod);
        let unavailable = unavailable.map(|at| left(at, UNAVAILABLE_FOR));
        disrupted.max(unavailable)
    }
}

/// From what a budget protects if it does not say.
const DEFAULT: [Operation; 3] = [Operation::Delete, Operation::Update, Operation::Evict];

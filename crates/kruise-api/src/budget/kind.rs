//! What is read of a PodUnavailableBudget.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{MAX_RECORDED, Operation, Refusal, Spend, spend::Book};
use crate::{
    meta::{LabelSelector, ObjectMeta, Time, list, map, null_as_default},
    object::{CustomResource, custom_resource, object},
    pod::Pod,
    resource::Resource,
    selector::{Selector, SelectorError},
    text::Text,
    well_known::annotations::PUB_PROTECT_OPERATIONS,
};

/// A budget as those who ask for it read it: a slim projection in the storage version that is never written
/// back, so that the fields it leaves out survive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodUnavailableBudget {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the user wants.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodUnavailableBudgetSpec,
    /// What is left, and to whom it went.
    #[serde(deserialize_with = "null_as_default")]
    pub status: PodUnavailableBudgetStatus,
}

custom_resource!(
    PodUnavailableBudget,
    "policy.kruise.io",
    "v1beta1",
    "PodUnavailableBudget",
    "podunavailablebudgets"
);
object!(PodUnavailableBudget);

/// PodUnavailableBudgets, which another deployable owns.
pub const POD_UNAVAILABLE_BUDGETS: Resource = Resource {
    group: PodUnavailableBudget::GROUP,
    version: PodUnavailableBudget::VERSION,
    plural: PodUnavailableBudget::PLURAL,
    kind: PodUnavailableBudget::KIND,
    namespaced: true,
};

/// What the decision reads of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodUnavailableBudgetSpec {
    /// The operations that cost budget, by their words; empty: see [`PodUnavailableBudget::protects`].
    #[serde(deserialize_with = "list")]
    pub protect_operations: Vec<String>,
    /// Pods that are never protected.
    pub ignored_pod_selector: Option<LabelSelector>,
}

/// What the decision reads of a status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodUnavailableBudgetStatus {
    /// Pods whose deletion, eviction or resize was allowed and is not seen yet, and when it was.
    #[serde(deserialize_with = "map")]
    pub disrupted_pods: BTreeMap<String, Time>,
    /// Pods whose update was allowed, and when.
    #[serde(deserialize_with = "map")]
    pub unavailable_pods: BTreeMap<String, Time>,
    /// How many more pods may become unavailable.
    #[serde(deserialize_with = "null_as_default")]
    pub unavailable_allowed: i32,
    /// How many pods must stay available; 0 also where it was never computed.
    #[serde(deserialize_with = "null_as_default")]
    pub desired_available: i32,
}

impl PodUnavailableBudget {
    /// Whether this operation costs budget (PB-44, PB-45).
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
        let Some(selector) = &self.spec.ignored_pod_selector else {
            return Ok(false);
        };
        let selector = Selector::parse(selector)?;
        Ok(!selector.is_empty() && selector.matches(&pod.metadata.labels))
    }

    /// Whether this pod was paid for before, and that is not confirmed or given up yet.
    #[must_use]
    pub fn has_recorded(&self, pod: &str) -> bool {
        self.status.disrupted_pods.contains_key(pod)
            || self.status.unavailable_pods.contains_key(pod)
    }

    /// Records it, as the budget will be once the patch is written (PB-39).
    pub fn spend(&mut self, spend: &Spend) {
        let Spend { pod, book, at } = spend;
        let status = &mut self.status;
        status.unavailable_allowed = status.unavailable_allowed.saturating_sub(1);
        let map = match book {
            Book::Disrupted => &mut status.disrupted_pods,
            Book::Unavailable => &mut status.unavailable_pods,
        };
        map.insert(pod.clone(), *at);
    }

    /// Why nothing can be spent now.
    pub(super) fn refuses(&self) -> Option<Refusal> {
        let status = &self.status;
        if status.unavailable_allowed <= 0 {
            Some(Refusal::UsedUp)
        } else if status.disrupted_pods.len() + status.unavailable_pods.len() > MAX_RECORDED {
            Some(Refusal::TooManyRecorded)
        } else {
            None
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.metadata.resource_version.parse().unwrap_or(0)
    }
}

const DEFAULT: [Operation; 3] = [Operation::Delete, Operation::Update, Operation::Evict];

//! What is spent, and how it is written down.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::Operation;
use crate::{
    meta::{Time, timestamp, whole_seconds},
    read::PodUnavailableBudget,
};

/// How long a deletion, an eviction or a resize that was paid for is waited for (PB-53).
pub const DISRUPTED_FOR: SignedDuration = SignedDuration::from_secs(20);
/// How long an update that was paid for counts by itself (PB-53).
pub const UNAVAILABLE_FOR: SignedDuration = SignedDuration::from_secs(10);
/// A record that ends sooner is renewed by the next call about its pod. That is longer than a watch or a live read takes
/// to show what the call has done (DV-PB15).
pub const RENEWED_BELOW: SignedDuration = SignedDuration::from_secs(5);

/// One unit of a budget, spent on one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    pod: String,
    book: Book,
    at: Time,
    /// What it takes from the budget: nothing where a unit was spent on the pod before.
    units: i32,
}

/// The map of the status in which a unit is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Book {
    /// `disruptedPods`.
    Disrupted,
    /// `unavailablePods`.
    Unavailable,
}

impl Spend {
    /// The unit that this operation on the pod costs (PB-39).
    pub(super) fn of(pod: &str, operation: Operation, now: Time) -> Self {
        let book = match operation {
            Operation::Update => Book::Unavailable,
            Operation::Delete | Operation::Evict | Operation::Resize => Book::Disrupted,
        };
        Self {
            pod: pod.to_owned(),
            book,
            at: whole_seconds(now),
            units: 1,
        }
    }

    /// The unit that was spent on this pod before stands for this operation, too, from now on.
    pub(super) fn again(pod: &str, operation: Operation, now: Time) -> Self {
        Self {
            units: 0,
            ..Self::of(pod, operation, now)
        }
    }

    /// Whether it takes nothing from the budget.
    #[must_use]
    pub fn is_renewal(&self) -> bool {
        self.units == 0
    }

    /// Merge patch for the status of `newest`, the copy on which the decision rests.
    #[must_use]
    pub fn patch(&self, newest: &PodUnavailableBudget) -> Value {
        status_patch(newest, std::slice::from_ref(self))
    }
}

impl PodUnavailableBudget {
    /// Records a unit: the budget is then as it will be once the patch is written (PB-39).
    pub fn spend(&mut self, spend: &Spend) {
        let Spend {
            pod,
            book,
            at,
            units,
        } = spend;
        let status = &mut self.status;
        status.unavailable_allowed = status.unavailable_allowed.saturating_sub(*units);
        let map = match book {
            Book::Disrupted => &mut status.disrupted_pods,
            Book::Unavailable => &mut status.unavailable_pods,
        };
        map.insert(pod.clone(), *at);
    }
}

/// Merge patch for the status of `budget` that takes all these units out of it (PB-47). It changes nothing
/// else in the status, and the API server refuses it for any other version of the budget.
#[must_use]
pub fn status_patch(budget: &PodUnavailableBudget, spends: &[Spend]) -> Value {
    let mut after = budget.clone();
    let mut books: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for spend in spends {
        after.spend(spend);
        let book = match spend.book {
            Book::Disrupted => "disruptedPods",
            Book::Unavailable => "unavailablePods",
        };
        let entries = books.entry(book).or_default();
        entries.insert(spend.pod.clone(), json!(timestamp(spend.at)));
    }
    let left = json!(after.status.unavailable_allowed);
    let status: Map<String, Value> = books
        .into_iter()
        .map(|(book, entries)| (book.to_owned(), entries.into()))
        .chain([("unavailableAllowed".to_owned(), left)])
        .collect();
    json!({
        "metadata": {
            "uid": budget.metadata.uid,
            "resourceVersion": budget.metadata.resource_version,
        },
        "status": status,
    })
}

/// One budget while several pods ask for it in one pass. Each pod is judged by what the pods before it have
/// left. Everything that was spent goes into one patch.
#[derive(Debug, Clone)]
pub struct Ledger<'a> {
    before: &'a PodUnavailableBudget,
    after: PodUnavailableBudget,
    spends: Vec<Spend>,
}

impl<'a> Ledger<'a> {
    /// A ledger in which nothing is spent yet.
    #[must_use]
    pub fn new(budget: &'a PodUnavailableBudget) -> Self {
        Self {
            before: budget,
            after: budget.clone(),
            spends: Vec::new(),
        }
    }

    /// The budget by which the next pod is judged.
    #[must_use]
    pub fn left(&self) -> &PodUnavailableBudget {
        &self.after
    }

    /// Spends a unit.
    pub fn spend(&mut self, spend: Spend) {
        self.after.spend(&spend);
        self.spends.push(spend);
    }

    /// Patch of the status with everything that was spent; none where nothing was.
    #[must_use]
    pub fn patch(&self) -> Option<Value> {
        (!self.spends.is_empty()).then(|| status_patch(self.before, &self.spends))
    }
}

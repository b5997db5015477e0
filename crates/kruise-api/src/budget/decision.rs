//! Whether an operation may go on, and what it costs.

use std::fmt;

use super::{Checked, Free, Operation, Spend, spend::RENEWED_BELOW};
use crate::{
    inplace,
    meta::{ObjectMeta, Time},
    pod::Pod,
    read::PodUnavailableBudget,
    selector::SelectorError,
    text::Text,
    well_known::annotations::{RELATED_PUB, RELATED_PUB_LEGACY},
};

/// What a decision depends on besides the pod, the operation and the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Feature gate `InPlacePodVerticalScaling`: a resize is an operation of its own instead of an update
    /// (PB-45).
    pub resize_apart: bool,
    /// A dry run: nothing will be written, whatever the decision (PB-41).
    pub dry_run: bool,
    /// What the in-place-update library may do. When an update is complete depends on it (IP-52).
    pub in_place: inplace::Options,
}

/// Whether the operation may go on, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The operation may go on, and costs nothing.
    Allowed(Free),
    /// The operation may go on once this is recorded in the budget's status: a unit, or a later time for one that was
    /// spent on this pod before.
    Spend(Spend),
    /// The operation may not go on.
    Refused(BudgetRefusal),
}

/// Why an operation is refused (PB-39).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetRefusal {
    /// Nothing is left.
    UsedUp,
    /// The budget records so many pods that its controller must be far behind.
    TooManyRecorded,
}

/// More entries than this in both maps together are too many.
const MAX_RECORDED: usize = 2000;

impl BudgetRefusal {
    /// The whole text, as users read it from the webhook (PB-40).
    #[must_use]
    pub fn message(self, budget: &str) -> String {
        format!("podunavailablebudget.policy.kruise.io {budget:?} is forbidden: {self}")
    }

    /// Path of the field that the refusal rests on.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::UsedUp => "status.unavailableAllowed",
            Self::TooManyRecorded => "status.disruptedPods, status.unavailablePods",
        }
    }
}

/// The reason alone, in OpenKruise's words (PB-39).
impl fmt::Display for BudgetRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UsedUp => "pub unavailable allowed is negative",
            Self::TooManyRecorded => {
                "DisruptedPods and UnavailablePods map too big - too many unavailable not confirmed \
                 by PUB controller"
            }
        })
    }
}

/// Name of the budget that protects the pod, in the pod's namespace (PB-19).
#[must_use]
pub fn related(pod: &Pod) -> Option<&str> {
    related_in(&pod.metadata)
}

/// [`related`], of a pod with this metadata.
#[must_use]
pub fn related_in(pod: &ObjectMeta) -> Option<&str> {
    [RELATED_PUB, RELATED_PUB_LEGACY]
        .into_iter()
        .filter_map(|key| pod.annotations.get(key))
        .map(Text::as_str)
        .find(|name| !name.is_empty())
}

/// Whether `operation` on `pod` may go on (PB-38, PB-39). `budget` is the newest copy that is known of the budget that
/// the pod names ([`related`]). It is none if the pod names none, or if there is no such budget. What is spent is
/// recorded with the time `now`.
///
/// # Errors
///
/// When the budget's `ignoredPodSelector` can't be read.
pub fn decide(
    pod: &Pod,
    operation: Operation,
    budget: Option<&PodUnavailableBudget>,
    now: Time,
    options: &Options,
) -> Result<Decision, SelectorError> {
    let checked = Checked::of(pod, &options.in_place);
    decide_on(&checked, operation, budget, now, options)
}

/// [`decide`], on a pod of which no more is known than what counts.
///
/// # Errors
///
/// When the budget's `ignoredPodSelector` can't be read.
pub fn decide_on(
    pod: &Checked<'_>,
    operation: Operation,
    budget: Option<&PodUnavailableBudget>,
    now: Time,
    options: &Options,
) -> Result<Decision, SelectorError> {
    if let Some(why) = pod.why_free() {
        return Ok(Decision::Allowed(why));
    }
    let Some(budget) = budget else {
        return Ok(Decision::Allowed(Free::NoBudget));
    };
    if let Some(why) = free_by_budget(pod, operation, budget, options)? {
        return Ok(Decision::Allowed(why));
    }
    if let Some(left) = budget.recorded_for(pod.name, now) {
        // What was begun with the last call may not be seen yet when the record ends (DV-PB15).
        return Ok(match left < RENEWED_BELOW && !options.dry_run {
            true => Decision::Spend(Spend::again(pod.name, operation, now)),
            false => Decision::Allowed(Free::Recorded),
        });
    }
    Ok(match refusal(budget) {
        Some(refusal) => Decision::Refused(refusal),
        None if options.dry_run => Decision::Allowed(Free::DryRun),
        None => Decision::Spend(Spend::of(pod.name, operation, now)),
    })
}

/// Why this budget leaves the operation free (PB-38.4 to PB-38.6).
fn free_by_budget(
    pod: &Checked<'_>,
    operation: Operation,
    budget: &PodUnavailableBudget,
    options: &Options,
) -> Result<Option<Free>, SelectorError> {
    Ok(if budget.ignores_labels(pod.labels)? {
        Some(Free::Ignored)
    } else if budget.status.desired_available == 0 {
        Some(Free::NothingDesired)
    } else if !budget.protects(operation, options.resize_apart) {
        Some(Free::OtherOperation)
    } else {
        None
    })
}

/// Why nothing can be spent now.
fn refusal(budget: &PodUnavailableBudget) -> Option<BudgetRefusal> {
    let status = &budget.status;
    if status.unavailable_allowed <= 0 {
        Some(BudgetRefusal::UsedUp)
    } else if status.disrupted_pods.len() + status.unavailable_pods.len() > MAX_RECORDED {
        Some(BudgetRefusal::TooManyRecorded)
    } else {
        None
    }
}

//! Whether an operation may go on, and what it costs.

use std::fmt;

use super::{Copies, Operation, Spend, is_consistent, is_ready};
use crate::{
    inplace,
    meta::Time,
    pod::Pod,
    read::PodUnavailableBudget,
    selector::SelectorError,
    text::Text,
    well_known::annotations::{PUB_NO_PROTECT, RELATED_PUB, RELATED_PUB_LEGACY},
};

/// The terms on which is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Gate `InPlacePodVerticalScaling`: a resize is an operation of its own instead of an update (PB-45).
    pub resize_apart: bool,
    /// Nothing is to be written, whatever the decision (PB-41).
    pub dry_run: bool,
    /// What the in-place-update library may do, which says when an update is complete (IP-52).
    pub in_place: inplace::Options,
}

/// Whether the operation may go on, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may, and costs nothing.
    Allowed(Free),
    /// It may once this is in the budget's status.
    Spend(Spend),
    /// It may not.
    Refused(Refusal),
}

/// Why an operation costs nothing, in the order in which it is found out (PB-38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Free {
    /// The pod's annotation says so.
    NotProtected,
    /// The pod is not ready.
    NotReady,
    /// It is not known that the pod runs what it should.
    NotConsistent,
    /// The pod has no budget, or the budget does not exist.
    NoBudget,
    /// The budget leaves this pod out.
    Ignored,
    /// No pod need be available, or that was never computed.
    NothingDesired,
    /// The budget is not about this operation.
    OtherOperation,
    /// It was paid for before.
    Recorded,
    /// Nothing is done, so nothing is paid; else it would have been (PB-41).
    DryRun,
}

/// Why an operation is refused (PB-39).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is left.
    UsedUp,
    /// So many pods are recorded that the controller must be far behind.
    TooManyRecorded,
}

/// More entries than this in both maps together are too many.
const MAX_RECORDED: usize = 2000;

impl Refusal {
    /// The whole text, as users read it from the webhook (PB-40).
    #[must_use]
    pub fn message(self, budget: &str) -> String {
        format!("podunavailablebudget.policy.kruise.io {budget:?} is forbidden: {self}")
    }

    /// Path of the field that refuses.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::UsedUp => "status.unavailableAllowed",
            Self::TooManyRecorded => "status.disruptedPods, status.unavailablePods",
        }
    }
}

/// The cause (PB-39).
impl fmt::Display for Refusal {
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

/// Name of the budget that protects the pod, in the pod's namespace.
#[must_use]
pub fn related(pod: &Pod) -> Option<&str> {
    [RELATED_PUB, RELATED_PUB_LEGACY]
        .into_iter()
        .filter_map(|key| pod.metadata.annotations.get(key))
        .map(Text::as_str)
        .find(|name| !name.is_empty())
}

/// Whether `operation` on `pod` may go on (PB-38, PB-39). `budget` is the pod's ([`related`]); none where it
/// does not exist. What is spent is recorded as of `now`.
///
/// # Errors
///
/// When the budget's `ignoredPodSelector` can't be read.
pub fn decide(
    pod: &Pod,
    operation: Operation,
    budget: Option<Copies<'_>>,
    now: Time,
    options: &Options,
) -> Result<Decision, SelectorError> {
    if let Some(why) = free_by_pod(pod, options) {
        return Ok(Decision::Allowed(why));
    }
    let Some(copies) = budget else {
        return Ok(Decision::Allowed(Free::NoBudget));
    };
    if let Some(why) = free_by_budget(pod, operation, copies, options)? {
        return Ok(Decision::Allowed(why));
    }
    Ok(match refusal(copies.newest) {
        Some(refusal) => Decision::Refused(refusal),
        None if options.dry_run => Decision::Allowed(Free::DryRun),
        None => Decision::Spend(Spend::of(pod, operation, now)),
    })
}

/// PB-38.1, PB-38.2: whatever the budget says.
fn free_by_pod(pod: &Pod, options: &Options) -> Option<Free> {
    if says_no_protect(pod) {
        Some(Free::NotProtected)
    } else if !is_ready(pod) {
        Some(Free::NotReady)
    } else if !is_consistent(pod, &options.in_place) {
        Some(Free::NotConsistent)
    } else {
        None
    }
}

/// PB-38.4 to PB-38.7: the copy that is seen decides, and only the last looks at both.
fn free_by_budget(
    pod: &Pod,
    operation: Operation,
    Copies { seen, newest }: Copies<'_>,
    options: &Options,
) -> Result<Option<Free>, SelectorError> {
    let name = &pod.metadata.name;
    Ok(if seen.ignores(pod)? {
        Some(Free::Ignored)
    } else if seen.status.desired_available == 0 {
        Some(Free::NothingDesired)
    } else if !seen.protects(operation, options.resize_apart) {
        Some(Free::OtherOperation)
    } else if seen.has_recorded(name) || newest.has_recorded(name) {
        Some(Free::Recorded)
    } else {
        None
    })
}

/// Why nothing can be spent now.
fn refusal(newest: &PodUnavailableBudget) -> Option<Refusal> {
    let status = &newest.status;
    if status.unavailable_allowed <= 0 {
        Some(Refusal::UsedUp)
    } else if status.disrupted_pods.len() + status.unavailable_pods.len() > MAX_RECORDED {
        Some(Refusal::TooManyRecorded)
    } else {
        None
    }
}

fn says_no_protect(pod: &Pod) -> bool {
    let value = pod.metadata.annotations.get(PUB_NO_PROTECT);
    value.is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

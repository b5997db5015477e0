//! PodUnavailableBudget: whether a pod may be made unavailable now, and what that costs (PB-29 to PB-50,
//! PB-60 to PB-62).
//!
//! Whoever is about to delete, evict, change or resize a pod asks [`decide`]. The answer is that it is free,
//! that it is refused, or that it has to be paid for: then the budget's status is patched first, and the pod
//! is touched only when that was accepted. The patch carries the version on which the decision rests, so that
//! of two who spend the same remainder one meets a conflict, and asks again with what is left.
//!
//! Nothing here reads or writes: looking up the budget, keeping the newest copy and trying again after a
//! conflict are the caller's part.

mod consistency;
mod kind;
mod resize;
mod spend;

pub use consistency::{is_available, is_consistent, is_ready};
pub use kind::{PodUnavailableBudget, PodUnavailableBudgetSpec, PodUnavailableBudgetStatus};
pub use resize::is_pure_resize;
pub use spend::{Ledger, Spend, status_patch};

use std::fmt;

use crate::{
    inplace,
    meta::Time,
    pod::Pod,
    selector::SelectorError,
    text::Text,
    well_known::annotations::{PUB_NO_PROTECT, RELATED_PUB, RELATED_PUB_LEGACY},
};

/// What somebody wants to do to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Delete it.
    Delete,
    /// Change its spec, or label it unavailable.
    Update,
    /// Evict it.
    Evict,
    /// Change nothing but amounts of CPU and memory, without a restart ([`is_pure_resize`]).
    Resize,
}

impl Operation {
    /// The word in `spec.protectOperations`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Update => "UPDATE",
            Self::Evict => "EVICT",
            Self::Resize => "RESIZE",
        }
    }
}

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

/// The copies of one budget that a process has. Where it keeps none of its own, both are the same.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// As the watch shows it.
    pub seen: &'a PodUnavailableBudget,
    /// The newest that is known: what was written last, if the watch does not show it yet (PB-46).
    pub newest: &'a PodUnavailableBudget,
}

impl<'a> Copies<'a> {
    /// The budget as the watch shows it, and as this process wrote it last. Of the two, the one with the higher
    /// version is the newest; a version that is no number counts as 0 (PB-46).
    #[must_use]
    pub fn new(seen: &'a PodUnavailableBudget, written: Option<&'a PodUnavailableBudget>) -> Self {
        let newest = match written {
            Some(written) if seen.version() <= written.version() => written,
            _ => seen,
        };
        Self { seen, newest }
    }
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
pub(crate) const MAX_RECORDED: usize = 2000;

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
    Ok(match copies.newest.refuses() {
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

fn says_no_protect(pod: &Pod) -> bool {
    let value = pod.metadata.annotations.get(PUB_NO_PROTECT);
    value.is_some_and(|value| matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// Whose refusal it is, for metric and log: the pod's controller, or the pod itself (PB-60, PB-61).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Kind of the controller; `unknown` for a pod without one.
    pub kind: String,
    /// Namespace; `default` for none.
    pub namespace: String,
    /// Name of the controller, or of the pod.
    pub name: String,
}

impl Subject {
    /// Of a refusal about this pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        let (kind, name) = metadata.controller().map_or_else(
            || ("unknown", metadata.name.as_str()),
            |owner| (owner.kind.as_str(), owner.name.as_str()),
        );
        let namespace = match metadata.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// The label `kind_namespace_name` of metric `pod_unavailable_budget`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        write!(f, "{kind}_{namespace}_{name}")
    }
}

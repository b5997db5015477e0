//! Why nothing happens, or not more: one enum for log, metric, condition and event, and for all kinds. A reason names
//! fields as they are called wherever a kind has them.

use std::fmt;

use kruise_api::validation::FieldError;

/// What a plan is held back by. Messages carry no counts and no times that change by themselves,
/// so that a settled object is never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// The index does not show our last writes yet. Never told in status or events.
    OwnWritesUnseen {
        /// Which write is missing.
        what: String,
    },
    /// The namespace is being deleted: nothing can be created in it any more. Told in the metric and the
    /// log only, since events can't be created either.
    NamespaceTerminating,
    /// The owner can't be acted on as it is.
    InvalidSpec {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// `scaleStrategy.maxUnavailable` cuts the number of creations (CS-51).
    ScaleUpLimited,
    /// Volume claims are reused, and the pod that had the id and the claims of a new pod is still there: the new one
    /// waits for its end (CS-77).
    ClaimsInUse {
        /// The first such pod by name; the earlier pod had the same name.
        pod: String,
        /// What is still there.
        why: String,
    },
    /// Ready pods that are to be deleted wait for others to become available (CS-53).
    DeletionLimited,
    /// A hook holds a pod (CS-62, CS-88).
    Hook {
        /// The pod.
        pod: String,
        /// `preDelete`, `inPlaceUpdate` or `preNormal`.
        hook: &'static str,
    },
    /// As many pods are unavailable as `maxUnavailable` allows (CS-86).
    MaxUnavailableReached {
        /// A pod that is not available and why, for the reader; the first by name.
        pod: String,
        /// What that pod waits for.
        why: String,
    },
    /// The partition keeps the remaining pods at their revision (CS-93).
    PartitionReached,
    /// `paused` is set (CS-94, BJ-31).
    Paused {
        /// Path of the field.
        field: &'static str,
    },
    /// Type `OnDelete`: pods get the new template only when they are made anew (CS-95).
    OnDelete,
    /// Policy `InPlaceOnly`, and the change is not possible in place (CS-90).
    NotInPlace {
        /// The first such pod.
        pod: String,
        /// Path in the template and what is wrong.
        why: String,
    },
    /// A pod's grace period runs before it is changed.
    GracePeriod {
        /// The first such pod.
        pod: String,
    },
    /// The change reaches a pod through its environment, and it is not known yet whether a node daemon
    /// is there to restart its containers (DV-IP12).
    NodeDaemon {
        /// The first such pod.
        pod: String,
    },
    /// A PodUnavailableBudget doesn't let a pod be updated (CS-87).
    BudgetRefused {
        /// The pod.
        pod: String,
        /// The budget that protects it.
        budget: String,
        /// Field of the budget, and what it says.
        why: String,
    },
    /// A PodUnavailableBudget can't be understood, so that nobody knows whether it protects a pod.
    BudgetUnreadable {
        /// The budget.
        budget: String,
        /// Field of the budget, and what is wrong with it.
        why: String,
    },
    /// A pod can't have the resources that it is to have in place: the API server refused them, or the
    /// kubelet does not grant them (DV-IP10).
    ResizeRefused {
        /// The first such pod.
        pod: String,
        /// The server's or the kubelet's words.
        why: String,
    },
    /// The API server refuses what a pod needs for its update, or to be in service (DV-CS19).
    UpdateRefused {
        /// The pod.
        pod: String,
        /// The server's words.
        why: String,
    },
    /// The API server refuses to delete a pod, or what goes before that (DV-CS19).
    DeletionRefused {
        /// The pod.
        pod: String,
        /// The server's words.
        why: String,
    },
    /// An annotation that records an update is unreadable.
    BrokenUpdateState {
        /// The pod.
        pod: String,
        /// What is wrong.
        why: String,
    },
    /// Pods at the right revision are not available yet.
    PodsNotAvailable {
        /// The first such pod by name.
        pod: String,
        /// What that pod waits for.
        why: String,
    },
    /// A pod has failed, and the job is to pause until it is deleted (BJ-33).
    PausedByFailure {
        /// The first such pod by name.
        pod: String,
    },
    /// As many pods are active as `parallelism` allows (BJ-51).
    ParallelismReached {
        /// An active pod, for the reader; the first by name. Empty if none is active.
        pod: String,
    },
    /// The job's pods have not ended yet.
    PodsNotEnded {
        /// The first such pod by name.
        pod: String,
        /// What that pod does.
        why: String,
    },
    /// Pods that were stopped have not ended yet (BJ-56).
    PodsTerminating {
        /// The first such pod by name.
        pod: String,
    },
    /// No node fits the pods, nor has one of them (BJ-45).
    NoNodeFits,
    /// Other pods have every name that a pod for this node may have (BJ-53). It passes when they are gone.
    NamesTaken {
        /// The first such node by name.
        node: String,
    },
    /// The work needs a kind that is not installed (PF-903). It goes on when the kind is there.
    KindNotInstalled {
        /// The kind.
        kind: &'static str,
    },
    /// Sidecars run on after all other containers have ended, and nothing that is set for them ends them on this node
    /// (ST-6).
    SidecarsNotEnded {
        /// Their names, in order.
        containers: String,
        /// Why they are not ended.
        why: &'static str,
    },
    /// Type `NotUpdate`: only new pods get what is new (SS-210).
    NotUpdate,
    /// The update strategy's selector leaves the remaining pods out (SS-220).
    NotSelected,
    /// The partition of a SidecarSet keeps the remaining pods as they are (SS-228).
    SidecarPartitionReached,
    /// As many pods of a SidecarSet are unavailable as its `maxUnavailable` allows (SS-229).
    SidecarMaxUnavailableReached {
        /// A pod that is not available, with its namespace; the first by both.
        pod: String,
        /// What that pod waits for.
        why: String,
    },
    /// More than images has changed since a pod got its sidecars, so that they can't be updated in place (SS-221).
    NotUpgradable {
        /// The first such pod, with its namespace.
        pod: String,
    },
    /// An update of sidecars has not come to its end in a pod (SS-222, SS-252).
    SidecarsInFlight {
        /// The first such pod, with its namespace.
        pod: String,
        /// What the pod waits for.
        why: String,
    },
}

impl WaitReason {
    /// One word for conditions, events and metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OwnWritesUnseen { .. } => "OwnWritesUnseen",
            Self::NamespaceTerminating => "NamespaceTerminating",
            Self::InvalidSpec { .. } => "InvalidSpec",
            Self::ScaleUpLimited => "ScaleUpLimited",
            Self::ClaimsInUse { .. } => "ClaimsInUse",
            Self::DeletionLimited => "DeletionLimited",
            Self::Hook { .. } => "Hook",
            Self::MaxUnavailableReached { .. } => "MaxUnavailableReached",
            Self::PartitionReached => "PartitionReached",
            Self::Paused { .. } => "Paused",
            Self::OnDelete => "OnDelete",
            Self::NotInPlace { .. } => "NotInPlace",
            Self::GracePeriod { .. } => "GracePeriod",
            Self::NodeDaemon { .. } => "NodeDaemon",
            Self::BudgetRefused { .. } => "BudgetRefused",
            Self::BudgetUnreadable { .. } => "BudgetUnreadable",
            Self::ResizeRefused { .. } => "ResizeRefused",
            Self::UpdateRefused { .. } => "UpdateRefused",
            Self::DeletionRefused { .. } => "DeletionRefused",
            Self::BrokenUpdateState { .. } => "BrokenUpdateState",
            Self::PodsNotAvailable { .. } => "PodsNotAvailable",
            Self::PausedByFailure { .. } => "PausedByFailure",
            Self::ParallelismReached { .. } => "ParallelismReached",
            Self::PodsNotEnded { .. } => "PodsNotEnded",
            Self::PodsTerminating { .. } => "PodsTerminating",
            Self::NoNodeFits => "NoNodeFits",
            Self::NamesTaken { .. } => "NamesTaken",
            Self::KindNotInstalled { .. } => "KindNotInstalled",
            Self::SidecarsNotEnded { .. } => "SidecarsNotEnded",
            Self::NotUpdate => "NotUpdate",
            Self::NotSelected => "NotSelected",
            Self::SidecarPartitionReached => "PartitionReached",
            Self::SidecarMaxUnavailableReached { .. } => "MaxUnavailableReached",
            Self::NotUpgradable { .. } => "NotUpgradable",
            Self::SidecarsInFlight { .. } => "UpdateInFlight",
        }
    }

    /// The pod that has to change before the plan goes on, if the reason waits for a pod.
    #[must_use]
    pub fn pod(&self) -> Option<&str> {
        match self {
            Self::ClaimsInUse { pod, .. }
            | Self::Hook { pod, .. }
            | Self::MaxUnavailableReached { pod, .. }
            | Self::SidecarMaxUnavailableReached { pod, .. }
            | Self::SidecarsInFlight { pod, .. }
            | Self::GracePeriod { pod }
            | Self::NodeDaemon { pod }
            | Self::ResizeRefused { pod, .. }
            | Self::PodsNotAvailable { pod, .. }
            | Self::PausedByFailure { pod }
            | Self::PodsNotEnded { pod, .. }
            | Self::PodsTerminating { pod } => Some(pod),
            Self::ParallelismReached { pod } if !pod.is_empty() => Some(pod),
            _ => None,
        }
    }

    /// The PodUnavailableBudget that has to change before the plan goes on, if the reason waits for a budget.
    #[must_use]
    pub fn budget(&self) -> Option<&str> {
        match self {
            Self::BudgetRefused { budget, .. } | Self::BudgetUnreadable { budget, .. } => {
                Some(budget)
            }
            _ => None,
        }
    }

    /// The reason of a plan whose object is to be read live, in case a watch has lost an event of it (decision 3): the
    /// first that names one. What comes before it says more to people, and may hold for ever.
    #[must_use]
    pub fn to_look_at(waiting_on: &[Self]) -> Option<&Self> {
        let mut reasons = waiting_on.iter();
        reasons.find(|reason| reason.pod().or(reason.budget()).is_some())
    }

    /// Whether the owner itself has to be corrected by a person. Such a reason is told at once:
    /// it is decided by the stored object alone and can't pass by itself.
    #[must_use]
    pub fn needs_correction(&self) -> bool {
        matches!(self, Self::InvalidSpec { .. })
    }
}

/// In the words of admission.
impl From<FieldError> for WaitReason {
    fn from(error: FieldError) -> Self {
        Self::InvalidSpec {
            why: error.message(),
            field: error.field,
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnWritesUnseen { what } => write!(f, "own writes are not seen yet: {what}"),
            Self::NamespaceTerminating => f.write_str("the namespace is being deleted"),
            Self::InvalidSpec { field, why } => write!(f, "{field}: {why}"),
            Self::ScaleUpLimited => f.write_str(
                "spec.scaleStrategy.maxUnavailable: unavailable pods hold back new ones",
            ),
            Self::ClaimsInUse { pod, why } => write!(
                f,
                "pod {pod} can't be made anew with its volume claims yet: {why}"
            ),
            Self::DeletionLimited => f.write_str(
                "pods that are to be deleted are ready and stay until others are available",
            ),
            Self::Hook { pod, hook } => write!(f, "spec.lifecycle.{hook} holds pod {pod}"),
            Self::MaxUnavailableReached { pod, why } => write!(
                f,
                "spec.updateStrategy.rollingUpdate.maxUnavailable is used up; pod {pod}: {why}"
            ),
            Self::PartitionReached => f.write_str(
                "spec.updateStrategy.rollingUpdate.partition keeps the other pods at their revision",
            ),
            Self::Paused { field } => write!(f, "{field} is true"),
            Self::OnDelete => f.write_str(
                "spec.updateStrategy.type is OnDelete: pods are updated when they are deleted",
            ),
            Self::NotInPlace { pod, why } => {
                write!(f, "podUpdatePolicy is InPlaceOnly and pod {pod} can't be updated so: {why}")
            }
            Self::GracePeriod { pod } => write!(f, "pod {pod} is in its grace period"),
            Self::NodeDaemon { pod } => write!(
                f,
                "pod {pod} waits for the node daemon's first report, without which its environment \
                 can't change in place"
            ),
            Self::BudgetRefused { pod, budget, why } => write!(
                f,
                "PodUnavailableBudget {budget} does not let pod {pod} be updated: {why}"
            ),
            Self::BudgetUnreadable { budget, why } => {
                write!(f, "PodUnavailableBudget {budget}: {why}")
            }
            Self::ResizeRefused { pod, why } => {
                write!(f, "pod {pod} can't be given its resources in place: {why}")
            }
            Self::UpdateRefused { pod, why } => {
                write!(f, "the API server refuses to change pod {pod}: {why}")
            }
            Self::DeletionRefused { pod, why } => {
                write!(f, "the API server refuses to let pod {pod} go: {why}")
            }
            Self::BrokenUpdateState { pod, why } => write!(f, "pod {pod}: {why}"),
            Self::PodsNotAvailable { pod, why } => write!(f, "pod {pod}: {why}"),
            Self::PausedByFailure { pod } => write!(
                f,
                "spec.failurePolicy.type is Pause and pod {pod} has failed: nothing more is done until it is deleted"
            ),
            Self::ParallelismReached { pod } if pod.is_empty() => {
                f.write_str("spec.parallelism lets no pod be created")
            }
            Self::ParallelismReached { pod } => {
                write!(f, "spec.parallelism is used up; pod {pod} has not ended")
            }
            Self::PodsNotEnded { pod, why } => write!(f, "pod {pod} has not ended: {why}"),
            Self::PodsTerminating { pod } => write!(f, "pod {pod} was deleted and is not gone yet"),
            Self::NoNodeFits => f.write_str("there is no node that the pods fit"),
            Self::NamesTaken { node } => write!(
                f,
                "no pod is created for node {node}: other pods have all the names that it may have"
            ),
            Self::KindNotInstalled { kind } => {
                write!(f, "the cluster has no kind {kind}; it is looked for again and again")
            }
            Self::SidecarsNotEnded { containers, why } => {
                write!(f, "sidecars {containers} run on: {why}")
            }
            Self::NotUpdate => f.write_str(
                "spec.updateStrategy.type is NotUpdate: only new pods get the new containers",
            ),
            Self::NotSelected => {
                f.write_str("spec.updateStrategy.selector does not select the other pods")
            }
            Self::SidecarPartitionReached => f.write_str(
                "spec.updateStrategy.partition keeps the other pods at their revision",
            ),
            Self::SidecarMaxUnavailableReached { pod, why } => write!(
                f,
                "spec.updateStrategy.maxUnavailable is used up; pod {pod}: {why}"
            ),
            Self::NotUpgradable { pod } => write!(
                f,
                "pod {pod} can't be updated in place: more than images has changed since it got its sidecars"
            ),
            Self::SidecarsInFlight { pod, why } => write!(f, "pod {pod}: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_at_is_the_first_object_that_a_reason_names() {
        let ends = |pod: &str| WaitReason::PodsTerminating {
            pod: pod.to_owned(),
        };
        let unreadable = WaitReason::BudgetUnreadable {
            budget: "shop".to_owned(),
            why: String::new(),
        };
        let no_pod = WaitReason::ParallelismReached { pod: String::new() };
        let names_none = [WaitReason::OnDelete, no_pod];
        assert_eq!(WaitReason::to_look_at(&names_none), None);
        for named in [ends("a"), unreadable] {
            let reasons = [&names_none[..], &[named.clone(), ends("b")]].concat();
            assert_eq!(WaitReason::to_look_at(&reasons), Some(&named));
        }
    }
}

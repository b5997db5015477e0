//! What a plan consists of.

use std::collections::BTreeSet;

use kruise_plan::Notes;
use serde_json::Value;

use crate::{memory::Held, sidecar_pod::SidecarPod};

/// What is to be done now, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The first that fails ends them.
    pub steps: Vec<Step>,
    /// Why nothing, or not more, is done; events; and when to look again, if nothing happens before.
    pub notes: Notes,
    /// What people will have been told of what holds back.
    pub held: Held,
    /// Pods that can't be updated, by UID. None if the plan did not ask for them.
    pub not_upgradable: Option<BTreeSet<String>>,
    /// Pods that people will have been told lack the SidecarSet, by namespace and name.
    pub lacking: BTreeSet<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Creates a revision. If its name is taken, the next pass looks again.
    CreateRevision {
        /// All of it.
        body: Value,
    },
    /// Raises a revision's number, or labels it.
    PatchRevision {
        /// Its name.
        name: String,
        /// A merge patch, which holds for the version that was read.
        patch: Value,
    },
    /// Reports what was seen.
    PatchStatus {
        /// A merge patch, which holds for the version that was read.
        patch: Value,
    },
    /// Deletes a revision that nobody needs.
    DeleteRevision {
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Says in the conditions of pods whether they can be updated in place.
    MarkPods {
        /// What is said.
        marks: Vec<PodMark>,
    },
    /// Gives idle twins the image that does nothing.
    ResetPods {
        /// The pods, first to be changed first.
        pods: Vec<PodChange>,
    },
    /// Gives pods the new images.
    UpdatePods {
        /// The pods, first to be changed first.
        pods: Vec<PodChange>,
    },
}

/// A pod that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, as precondition.
    pub uid: String,
}

/// A change of a pod's conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct PodMark {
    /// The pod.
    pub pod: PodRef,
    /// A strategic merge patch of its status, which holds for the version that was read.
    pub patch: Value,
}

/// A change of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodChange {
    /// The pod.
    pub pod: PodRef,
    /// A strategic merge patch, which holds for the version that was read.
    pub patch: Value,
    /// Whether a twin gets the image that does nothing, of which people are told.
    pub resets: bool,
    /// A strategic merge patch of the status that follows.
    pub mark: Option<Value>,
}

impl Plan {
    /// Whether something is changed besides what is reported.
    #[must_use]
    pub fn acts(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| !matches!(step, Step::PatchStatus { .. }))
    }
}

impl PodRef {
    /// The reference to this pod.
    #[must_use]
    pub fn of(pod: &SidecarPod) -> Self {
        let metadata = &pod.metadata;
        Self {
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
        }
    }
}

//! What a plan says: which writes, in which order. How it comes to them is the business of the other files.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kruise_api::meta::ObjectMeta;
use kruise_plan::{
    Event, InPlaceUpdate, PodPatch, PodRef, WaitReason, stage::Body, workload::NewJob,
};
use serde_json::Value;

/// What is to be done, in order. Nothing in it is left to choose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Writes to other objects, done first.
    pub steps: Vec<Step>,
    /// What is asked of image pulling, done before all else; its failures stop nothing.
    pub images_ahead: ImagesAhead,
    /// Events that belong to no single write.
    pub events: Vec<Event>,
    /// The new `status`, if it differs from the stored one.
    pub status: Option<Value>,
    /// Why nothing, or not more, is done; the most telling reason first.
    pub waiting_on: Vec<WaitReason>,
    /// When to look again although nothing changed.
    pub requeue_after: Option<Duration>,
    /// Which phase the steps belong to, for conditions FailedScale and FailedUpdate.
    pub phase: Phase,
}

/// The part of the work that a plan's steps belong to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Ownership, volume claims, revisions.
    #[default]
    Prepare,
    /// Adding and taking away pods.
    Scale,
    /// Refreshing and updating pods.
    Update,
    /// Tidying up, once nothing else is to be done. A failure is logged and stops nothing (CS-22, 12 and 13).
    Trim,
}

/// One or several writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Create a revision. That the name is taken means: look again.
    CreateRevision {
        /// The whole object.
        body: Value,
    },
    /// Change a revision's number (CS-37).
    PatchRevision {
        /// Its name.
        name: String,
        /// Merge patch with the resourceVersion read.
        patch: Value,
    },
    /// Delete a revision of the history (CS-40).
    DeleteRevision {
        /// Its name.
        name: String,
        /// Its UID, as precondition.
        uid: String,
    },
    /// Make the pod that a volume claim belongs to its owner, in place of the CloneSet (CS-74). That
    /// the claim is gone by now is no failure.
    MoveClaims {
        /// Which, and to which pod.
        moves: Vec<ClaimMove>,
    },
    /// Delete volume claims whose pods are gone, each only after its pod was asked for live and is not there, or
    /// neither is ours nor mounts it (CS-74, DV-CS17). What is in a volume comes back with no later look.
    DeleteOrphanClaims {
        /// Which.
        claims: Vec<OrphanClaim>,
    },
    /// Create pods in batches, each after its volume claims; after a batch with a failure the rest is
    /// left (CS-60, CS-61).
    CreatePods {
        /// Batches; within one, creations run side by side.
        batches: Vec<Vec<NewPod>>,
    },
    /// Delete pods in this order, some side by side; after a failure no further one is begun (CS-62, DV-CS18).
    DeletePods {
        /// Which.
        pods: Vec<PodRef>,
        /// Volume claims that go after their pod, by its UID. That one is gone by now is no failure.
        claims: BTreeMap<String, Vec<ClaimRef>>,
    },
    /// Take over pods that name us as owner, but not as the one that manages them. Only after the
    /// live CloneSet was read again and is the same (CS-28).
    AdoptPods {
        /// Patches, one a pod.
        patches: Vec<PodPatch>,
    },
    /// Patches of different pods, side by side; those of one pod in order. After a refusal no further pod's
    /// are begun.
    PatchPods {
        /// Patches, one a pod.
        patches: Vec<PodPatch>,
    },
    /// Have the API server judge an update in place without storing it. Where it is refused, nothing that
    /// follows is done (DV-IP15).
    TryUpdate {
        /// What the pod would get.
        update: Box<InPlaceUpdate>,
    },
    /// Start updates in place: for each pod its patches in order. A failure is told in an event
    /// and never turns into anything else (CS-89). After one no further pod is started.
    UpdatePodsInPlace {
        /// Which.
        updates: Vec<InPlaceUpdate>,
    },
    /// Mark pods for deletion because they can't be, or shall not be, updated in place (CS-91).
    MarkPodsForRecreate {
        /// Patches, one a pod.
        patches: Vec<PodPatch>,
    },
    /// Spend budgets for the pods that the next steps update (CS-87). The first failure ends the plan, so that no
    /// pod is updated unpaid.
    SpendBudgets {
        /// Patches, one a budget.
        patches: Vec<BudgetPatch>,
    },
    /// Take names off `podsToDelete` (CS-65).
    PatchCloneSet {
        /// Merge patch with the resourceVersion read.
        patch: Value,
    },
}

/// A pod to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPod {
    /// Its name.
    pub name: String,
    /// Volume claims that it needs and that are not there yet. If one can't be had, the pod is left.
    pub claims: Vec<NewClaim>,
    /// Its metadata.
    pub metadata: Value,
    /// Its spec, shared with others of its revision: a plan may have hundreds of pods, and specs are large.
    pub spec: Arc<Value>,
}

impl NewPod {
    /// The object.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        Body::Parts {
            api_version: "v1",
            kind: "Pod",
            metadata: &self.metadata,
            spec: &self.spec,
            own: &[],
        }
    }
}

/// A volume claim to create. One of this name that is the CloneSet's already will do (CS-61).
#[derive(Debug, Clone, PartialEq)]
pub struct NewClaim {
    /// Its name.
    pub name: String,
    /// The whole object.
    pub body: Value,
}

/// A volume claim, by name and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRef {
    /// Its name.
    pub name: String,
    /// Its UID, as precondition.
    pub uid: String,
}

/// A volume claim without a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanClaim {
    /// The claim.
    pub claim: ClaimRef,
    /// Name that its pod would have; none if no pod can.
    pub pod: Option<String>,
}

/// Another owner for a volume claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimMove {
    /// The claim.
    pub claim: ClaimRef,
    /// Its new owner.
    pub pod: PodRef,
    /// Strategic merge patch with the resourceVersion read.
    pub patch: Value,
}

/// What a PodUnavailableBudget is to pay.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetPatch {
    /// Name of the budget.
    pub budget: String,
    /// Merge patch of its status with the resourceVersion read.
    pub patch: Value,
}

impl ClaimRef {
    pub(crate) fn of(claim: &ObjectMeta) -> Self {
        Self {
            name: claim.name.clone(),
            uid: claim.uid.clone(),
        }
    }
}

/// Writes about ImagePullJobs. They are an aid: whatever becomes of them, pods are updated (PF-923).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImagesAhead {
    /// Jobs to create.
    pub create: Vec<NewJob>,
    /// Jobs to delete: names and UIDs.
    pub delete: Vec<(String, String)>,
    /// Afterwards: what is marked on the update revision, so that it is decided once.
    pub mark: Option<Mark>,
}

/// A label of a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Name of the revision.
    pub revision: String,
    /// Merge patch with its UID.
    pub patch: Value,
}

impl ImagesAhead {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty() && self.mark.is_none()
    }
}

//! From a snapshot to a plan, without I/O: equal snapshots give equal plans.
//!
//! The order is that of CS-22: clean up volume claims, claim pods, resolve revisions, scale, and only when scaling has
//! nothing to do refresh and update pods. Whatever a plan does not do, it says why.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kruise_api::{
    inplace::PodWrite, kinds::cloneset::validation, meta::ObjectMeta, pod::Pod, selector::Selector,
};
use serde_json::{Value, json};

use crate::{snapshot::Snapshot, wait::WaitReason};

mod budget;
mod claim;
mod conditions;
mod counts;
mod explain;
mod in_place;
mod known_pods;
mod new_pod;
mod predownload;
mod progress;
mod refresh;
mod refused;
mod revision;
mod scale;
mod spec;
mod status;
mod template_forms;
mod update;
mod volume_claims;
mod waiting;

use claim::Claimed;
pub use counts::{Counts, PodClass};
pub use known_pods::KnownPods;
pub use predownload::{Mark, NewJob, PreDownload};
pub use revision::Revisions;
pub use scale::needs_nodes;
pub use spec::Spec;
pub use template_forms::TemplateForms;

/// What is to be done, in order. Nothing in it is left to choose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Writes to other objects, done first.
    pub steps: Vec<Step>,
    /// What is asked of image pulling, done before all else; its failures stop nothing.
    pub pre_download: PreDownload,
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
    /// Claiming, revisions, history.
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
    /// The whole object, made when it is sent.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": self.metadata,
            "spec": *self.spec,
        })
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

/// A pod, by name and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// Its name.
    pub name: String,
    /// Its UID, as precondition.
    pub uid: String,
}

/// Strategic merge patches of one pod: one, or few in order. Where several carry the resourceVersion
/// read, the executor puts in the one that the write before returned, so that nothing slips in between.
#[derive(Debug, Clone, PartialEq)]
pub struct PodPatch {
    /// The pod.
    pub pod: PodRef,
    /// The writes.
    pub writes: Vec<PodWrite>,
}

/// What a PodUnavailableBudget is to pay.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetPatch {
    /// Name of the budget.
    pub budget: String,
    /// Merge patch of its status with the resourceVersion read.
    pub patch: Value,
}

/// The writes that start an update in place, in order (IP-15, IP-17, IP-30).
#[derive(Debug, Clone, PartialEq)]
pub struct InPlaceUpdate {
    /// The pod.
    pub pod: PodRef,
    /// What the writes were made for: while that is what is there, they may be sent again (DV-IP15).
    pub seen: Arc<Pod>,
    /// Marks the pod not ready; of `pods/status`. Absent when the pod has no readiness gate, or stays
    /// ready (IP-16).
    pub not_ready: Option<Value>,
    /// Changes resources; of `pods/resize`.
    pub resize: Option<Value>,
    /// Changes the pod.
    pub start: Value,
    /// Name of the revision that the pod goes to.
    pub revision: String,
}

/// An event about the CloneSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whether it is a warning.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// One sentence.
    pub message: String,
}

impl PodPatch {
    /// One patch of the pod itself.
    pub(crate) fn of(pod: &Pod, patch: Value) -> Self {
        let write = PodWrite {
            subresource: None,
            patch,
        };
        Self {
            pod: PodRef::of(pod),
            writes: vec![write],
        }
    }
}

impl InPlaceUpdate {
    /// All writes in order.
    #[must_use]
    pub fn writes(&self) -> Vec<PodWrite> {
        let Self {
            pod: _,
            seen: _,
            not_ready,
            resize,
            start,
            revision: _,
        } = self;
        [
            (Some("status"), not_ready.as_ref()),
            (Some("resize"), resize.as_ref()),
            (None, Some(start)),
        ]
        .into_iter()
        .filter_map(|(subresource, patch)| {
            Some(PodWrite {
                subresource,
                patch: patch?.clone(),
            })
        })
        .collect()
    }
}

impl PodRef {
    pub(crate) fn of(pod: &Pod) -> Self {
        Self {
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        }
    }
}

impl ClaimRef {
    pub(crate) fn of(claim: &ObjectMeta) -> Self {
        Self {
            name: claim.name.clone(),
            uid: claim.uid.clone(),
        }
    }
}

impl Plan {
    /// Looks again after this time, or earlier if that was asked for before.
    fn look_again(&mut self, after: Duration) {
        self.requeue_after = Some(self.requeue_after.map_or(after, |before| before.min(after)));
    }
}

/// Decides what is to be done now.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    if snapshot.memory.namespace_terminates {
        // Each of our pods that goes would have another one asked for, in vain.
        return Plan {
            waiting_on: vec![WaitReason::NamespaceTerminating],
            ..Plan::default()
        };
    }
    let selector = match validate(snapshot) {
        Ok(selector) => selector,
        Err(reason) => return hold(snapshot, reason),
    };
    let spec = Spec::of(&snapshot.set.spec);
    let claims = volume_claims::sort(snapshot, &spec);
    let known = KnownPods::of_snapshot(snapshot);
    let claimed = claim::claim(snapshot, &known);
    let revisions = revision::resolve(snapshot, &selector);

    let mut plan = Plan {
        requeue_after: claims.look_again,
        ..Plan::default()
    };
    plan.steps.extend(claims.steps);
    plan.steps.extend(claimed.steps.iter().cloned());
    plan.steps.extend(revisions.steps.iter().cloned());
    if revisions.steps.is_empty() {
        plan.pre_download = predownload::plan(snapshot, &spec, &revisions);
    }
    // What comes next needs the claimed pods and the update revision as they will be stored.
    let may_sync = plan.steps.is_empty() && !snapshot.set.metadata.is_terminating();
    if may_sync {
        let input = scale::Input {
            snapshot,
            spec: &spec,
            revisions: &revisions,
            pods: &claimed.pods,
            facts: &claimed.facts,
            claims: &claims.listed,
        };
        sync(&input, &mut plan);
    }
    status::plan(snapshot, &spec, &selector, &revisions, &claimed, &mut plan);
    if plan.steps.is_empty() {
        trim(snapshot, &revisions, &claimed, &mut plan);
    }
    plan
}

/// CS-40, CS-65. What can't be trimmed now is left for a while: everything that happens to a CloneSet would have it
/// tried again.
fn trim(snapshot: &Snapshot, revisions: &Revisions, claimed: &Claimed<'_>, plan: &mut Plan) {
    let set = &snapshot.set.metadata;
    let mut steps = Vec::new();
    // The history of a CloneSet that is deleted without its pods is theirs (DV-CS17).
    if !set.is_terminating() {
        steps.extend(revision::trim(snapshot, revisions, &claimed.facts));
    }
    // Carries the version of the CloneSet that was read, as the status does: after one the other is refused.
    if plan.status.is_none() {
        steps.extend(spec::trim_pods_to_delete(snapshot, &claimed.pods));
    }
    if steps.is_empty() {
        return;
    }
    if let Some(left) = snapshot.memory.trims_wait(snapshot.now) {
        plan.look_again(left);
        return;
    }
    plan.steps = steps;
    plan.phase = Phase::Trim;
}

/// Scaling first; pods are refreshed and updated when it has nothing to do. After a failure to
/// scale it is updating's turn: a quota that refuses new pods must not keep the others from
/// becoming ready (CS-25).
fn sync(input: &scale::Input<'_>, plan: &mut Plan) {
    refused::tell(input.snapshot, plan);
    let scaling_failed = input.snapshot.memory.scaling_failed;
    if scaling_failed {
        update::plan(input, plan);
        if !plan.steps.is_empty() {
            return;
        }
    }
    scale::plan(input, plan);
    if plan.steps.is_empty() && !scaling_failed {
        update::plan(input, plan);
    }
}

/// What must hold before any pod is touched, asked of the functions that admission asks: the API server
/// takes these objects when no webhook is installed.
fn validate(snapshot: &Snapshot) -> Result<Selector, WaitReason> {
    let set = &snapshot.set;
    let selector = validation::selector(&set.spec.selector)?;
    let template = validation::template(&set.spec.template)?;
    validation::labels_match(&selector, &template.metadata.labels)?;
    validation::replicas(set.spec.replicas)?;
    Ok(selector)
}

/// No pod is touched; status and an event say why.
fn hold(snapshot: &Snapshot, reason: WaitReason) -> Plan {
    let mut plan = Plan::default();
    let told = snapshot
        .memory
        .waiting
        .as_ref()
        .is_some_and(|(last, _)| *last == reason);
    if !told {
        plan.events.push(Event {
            warning: true,
            reason: reason.reason(),
            message: reason.to_string(),
        });
    }
    plan.waiting_on.push(reason);
    status::plan_held(snapshot, &mut plan);
    plan
}

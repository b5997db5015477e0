//! What a plan is made from: plain data, looked up before planning starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::CloneSet,
    budget::PodUnavailableBudget,
    defaults,
    inplace::Options,
    meta::{ObjectMeta, StringMap, Time},
    pod::Pod,
    shared_list::SharedList,
    text::Text,
    well_known::labels,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    plan::{KnownPods, Phase, Plan, Step, TemplateForms},
    refused::{Refusal, RefusedResize, RefusedWrites},
    wait::WaitReason,
};

mod revision;
mod set;
mod slim;

pub use revision::{ControllerRevision, RevisionData};
pub use set::StoredSet;
use slim::Kept;

/// Everything the planner knows of one CloneSet at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The CloneSet, as stored.
    pub set: Arc<CloneSet>,
    /// Pods that carry any owner reference with the CloneSet's UID (CS-27), by name.
    pub pods: SharedList<Arc<Pod>>,
    /// Revisions of the namespace: ours, those that nobody manages, and those whose names ours must not take.
    pub revisions: Vec<Arc<ControllerRevision>>,
    /// ImagePullJobs that name the CloneSet as owner; none where images are not pulled ahead: the gate
    /// is off, or the kind is not installed (CS-100).
    pub image_pull_jobs: Option<Vec<Arc<ImagePullJob>>>,
    /// All budgets of the namespace; none unless gate `PodUnavailableBudgetUpdateGate` is on (CS-87).
    pub budgets: Vec<Arc<PodUnavailableBudget>>,
    /// Labels of the pods' nodes, by name, where [`crate::plan::needs_nodes`] asks for them.
    pub nodes: BTreeMap<String, StringMap>,
    /// Volume claims that carry any owner reference with the CloneSet's UID, terminating ones too (CS-73).
    pub claims: Vec<Arc<Claim>>,
    /// Names that a pod would get with the id of one of these claims, and that a pod has which is not ours.
    pub taken_names: BTreeSet<String>,
    /// The controller's clock.
    pub now: Time,
    /// Highest version of any pod that the index has seen: with the UID it seeds instance ids, so
    /// that equal snapshots give equal plans.
    pub index_version: u64,
    /// Whether another deployable sets the first KruisePodReady (DV-D7).
    pub pod_readiness_controller_live: bool,
    /// Feature gates that concern CloneSets.
    pub gates: Gates,
    /// What this process remembers of earlier reconciles; losing it loses nothing but time.
    pub memory: Memory,
}

/// Feature gates that concern CloneSets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// `CloneSetShortHash`: the revision label of pods carries the hash alone (CS-39).
    pub short_hash: bool,
    /// `CloneSetPartitionRollback`: raising the partition moves pods back (CS-48).
    pub partition_rollback: bool,
    /// `PreparingUpdateAsUpdate`: pods in that state count as updated when scaling (CS-46).
    pub preparing_update_as_update: bool,
    /// `TemplateNoDefaults`: templates get no defaults (CS-9).
    pub template_no_defaults: bool,
    /// `DefaultHostNetworkHostPortsInPodTemplates`: host ports are among these defaults (CS-9).
    pub default_host_ports: bool,
    /// `RecreatePodWhenChangeVCTInCloneSetGate`: other volume claim templates need new pods (CS-78).
    pub recreate_for_claims: bool,
    /// What the in-place library may do.
    pub in_place: Options,
    /// The flag `--cloneset-scaling-exclude-preparing-delete` (CS-50).
    pub exclude_preparing_delete: bool,
}

impl Gates {
    /// Fills in what a pod template leaves open, in admission and before hashing alike, so that a webhook
    /// installed later changes no revision (CS-9, PF-907).
    pub fn default_template(&self, template: &mut Value) {
        self.filled().fill(template);
    }

    /// How much that is.
    #[must_use]
    pub fn filled(&self) -> Filled {
        match (self.template_no_defaults, self.default_host_ports) {
            (true, _) => Filled::Nothing,
            (false, false) => Filled::Defaults,
            (false, true) => Filled::DefaultsAndHostPorts,
        }
    }
}

/// How much is filled in of what a template leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Nothing: the template as it is stored.
    Nothing,
    /// The defaults of CS-9.
    Defaults,
    /// The host ports of templates that use the host's network as well.
    DefaultsAndHostPorts,
}

impl Filled {
    /// Each way, as one release or another may have stored a template, or one gate or another.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Defaults, Self::DefaultsAndHostPorts];

    /// Fills it in.
    pub fn fill(self, template: &mut Value) {
        if self == Self::Nothing {
            return;
        }
        defaults::pod_template(template);
        if self == Self::DefaultsAndHostPorts {
            defaults::host_ports(template);
        }
    }
}

/// What a process remembers of a CloneSet between two reconciles.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The reason that held last time, and since when.
    pub waiting: Option<(WaitReason, Time)>,
    /// Whether the last attempt to scale failed.
    pub scaling_failed: bool,
    /// Message of the last failure while scaling, for condition FailedScale (CS-25); like the
    /// condition it stays (CS-119).
    pub failed_scale: Option<String>,
    /// Message of the last failure while updating, for condition FailedUpdate (CS-25).
    pub failed_update: Option<String>,
    /// The API server has refused to create anything since the namespace is being deleted, which is never
    /// taken back.
    pub namespace_terminates: bool,
    /// Resizes that the API server refused, by the pod's UID.
    pub refused_resizes: BTreeMap<String, RefusedResize>,
    /// Other writes to pods that it refused.
    pub refused_writes: RefusedWrites,
    /// The revision that the API server has let a pod have, and the generation of the CloneSet then. Before
    /// that it is asked by a dry run, so that no pod is taken out of service in vain (DV-IP15).
    pub update_taken: Option<(String, Option<i64>)>,
    /// Ids of pods whose last creation failed. Their claims may be there already, and are theirs.
    pub refused_ids: BTreeSet<String>,
    /// Claims, by UID, whose pod was found to live although the index doesn't show it: its name, and when.
    pub claims_in_use: BTreeMap<String, (String, Time)>,
    /// The revision that could not be marked as pulled ahead, and when (CS-105).
    pub unmarked: Option<(String, Time)>,
    /// The present template as revisions would store it.
    pub forms: Option<Arc<TemplateForms>>,
    /// What is to be known of the pods.
    pub pods: Option<Arc<KnownPods>>,
    /// Why the last attempt to tidy up failed, and when (CS-22, 12 and 13).
    pub failed_trim: Option<(String, Time)>,
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
}

/// What is kept of an ImagePullJob: that it is there, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ImagePullJob {
    /// Metadata: identity and owners.
    #[serde(deserialize_with = "identity")]
    pub metadata: ObjectMeta,
}

fn identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = slim::OnTheWire::deserialize(deserializer)?;
    Ok(read.keep(Kept::None, Kept::None))
}

/// What executing a plan has found out, which no watch tells.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Resizes that were refused: UID of the pod, and the server's words.
    pub refused_resizes: Vec<(String, String)>,
    /// Other writes to pods that were refused.
    pub refused_writes: Vec<Refusal>,
    /// Claims that are no orphans: UID, and name of the pod.
    pub claims_in_use: Vec<(String, String)>,
    /// A revision that could not be marked.
    pub unmarked: Option<String>,
    /// Why it could not be tidied up.
    pub failed_trim: Option<String>,
}

impl Memory {
    /// How long what was found stands before it is looked at again.
    pub const STANDS_FOR: SignedDuration = SignedDuration::from_mins(1);

    /// Notes what was found; what has changed since, or is old, is forgotten.
    pub fn note(&mut self, snapshot: &Snapshot, plan: &Plan, found: Found) {
        let stands = |at: &Time| snapshot.now.duration_since(*at) < Self::STANDS_FOR;
        self.claims_in_use.retain(|_, (_, at)| stands(at));
        for (uid, pod) in found.claims_in_use {
            self.claims_in_use.insert(uid, (pod, snapshot.now));
        }
        self.unmarked = found
            .unmarked
            .map(|revision| (revision, snapshot.now))
            .or(self.unmarked.take())
            .filter(|(_, at)| stands(at));
        self.note_refused(snapshot, found.refused_resizes);
        self.refused_writes
            .note(snapshot, plan, found.refused_writes);
    }

    /// Notes whether the API server takes updates. After any failure it is asked again before another pod is
    /// taken out of service.
    pub fn note_updating(&mut self, snapshot: &Snapshot, plan: &Plan, taken: bool, failed: bool) {
        if plan.phase != Phase::Update {
            return;
        }
        let revision = plan.steps.iter().find_map(|step| match step {
            Step::TryUpdate { update } => Some(&update.revision),
            Step::UpdatePodsInPlace { updates } => updates.first().map(|first| &first.revision),
            _ => None,
        });
        match revision {
            _ if failed => self.update_taken = None,
            Some(revision) if taken => {
                self.update_taken = Some((revision.clone(), snapshot.set.metadata.generation));
            }
            Some(_) | None => {}
        }
    }

    /// Whether the API server is known to let pods have this revision.
    #[must_use]
    pub fn is_taken(&self, snapshot: &Snapshot, revision: &str) -> bool {
        let generation = snapshot.set.metadata.generation;
        self.update_taken
            .as_ref()
            .is_some_and(|(taken, of)| taken == revision && *of == generation)
    }

    /// How long nothing is tidied up, since the last attempt failed.
    #[must_use]
    pub fn trims_wait(&self, now: Time) -> Option<Duration> {
        let (_, failed) = self.failed_trim.as_ref()?;
        let left = Self::STANDS_FOR - now.duration_since(*failed);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }

    /// Notes how tidying up went, if that was the plan.
    pub fn note_trim(&mut self, snapshot: &Snapshot, plan: &Plan, failed: Option<String>) {
        if plan.phase == Phase::Trim {
            self.failed_trim = failed.map(|why| (why, snapshot.now));
        }
    }

    /// Notes whether scaling failed, and for which pods. Cleaning up before it says nothing about that.
    pub fn note_scaling(&mut self, snapshot: &Snapshot, plan: &Plan, failed: bool) {
        if plan.phase == Phase::Prepare {
            return;
        }
        self.scaling_failed = failed && plan.phase == Phase::Scale;
        self.refused_ids.clear();
        let templates = snapshot.set.spec.volume_claim_templates.as_ref();
        if self.scaling_failed && templates.is_some_and(|templates| !templates.is_empty()) {
            let created = plan.steps.iter().filter_map(|step| match step {
                Step::CreatePods { batches } => Some(batches.iter().flatten()),
                _ => None,
            });
            self.refused_ids = created
                .flatten()
                .filter_map(|pod| pod.name.rsplit('-').next())
                .map(str::to_owned)
                .collect();
        }
    }

    fn note_refused(&mut self, snapshot: &Snapshot, refused: Vec<(String, String)>) {
        let pod = |uid: &str| snapshot.pods.iter().find(|pod| pod.metadata.uid == uid);
        self.refused_resizes.retain(|uid, refusal| {
            pod(uid).is_some_and(|pod| refusal.holds_for(snapshot, pod).is_some())
        });
        for (uid, why) in refused {
            if let Some(pod) = pod(&uid) {
                let refusal = RefusedResize::new(snapshot, pod, why);
                self.refused_resizes.insert(uid, refusal);
            }
        }
    }
}

/// What is kept of a PersistentVolumeClaim: whose it is. What it holds and whether it is bound is between
/// the scheduler and the kubelet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// Metadata: identity, owners and the instance id. No annotations and no other labels.
    #[serde(deserialize_with = "claim_metadata")]
    pub metadata: ObjectMeta,
}

fn claim_metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = slim::OnTheWire::deserialize(deserializer)?;
    Ok(read.keep(Kept::Only(labels::CLONESET_INSTANCE_ID), Kept::None))
}

/// The instance id that a pod shares with its claims; empty when the label is missing (CS-62).
#[must_use]
pub fn instance_id(metadata: &ObjectMeta) -> &str {
    metadata
        .labels
        .get(labels::CLONESET_INSTANCE_ID)
        .map_or("", Text::as_str)
}

/// Name of the pod of a CloneSet that has this instance id (CS-59).
#[must_use]
pub fn pod_name(set: &ObjectMeta, id: &str) -> String {
    format!("{}-{id}", set.name)
}

impl Snapshot {
    /// UID of the CloneSet.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.set.metadata.uid
    }

    /// Owned pods that are neither finished nor terminating. Only these are counted.
    pub fn active_pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.iter().filter(|pod| pod.is_active())
    }
}

//! What a plan is made from: plain data, looked up before planning starts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kruise_api::{
    apps::v1beta1::CloneSet,
    meta::{ObjectMeta, StringMap, Time},
    object::{CustomResource, Object},
    pod::Pod,
    read::{self, Kept, OnTheWire, PodUnavailableBudget, Stored},
    shared_list::SharedList,
    text::Text,
    well_known::labels,
};
use kruise_plan::{OwnedPods, Owner};
use serde::{Deserialize, Deserializer};

use crate::{gates::Gates, memory::Memory};

/// A CloneSet as it is kept between two passes.
pub type StoredSet = Stored<CloneSet>;
/// A revision as the planner of CloneSets sees it.
pub type ControllerRevision = read::ControllerRevision<CloneSet>;

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

/// What is kept of an ImagePullJob: that it is there, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ImagePullJob {
    /// Metadata: identity and owners.
    #[serde(deserialize_with = "identity")]
    pub metadata: ObjectMeta,
}

fn identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = OnTheWire::deserialize(deserializer)?;
    Ok(read.keep(Kept::None, Kept::None))
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
    let read = OnTheWire::deserialize(deserializer)?;
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

impl Object for ImagePullJob {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Object for Claim {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Snapshot {
    /// UID of the CloneSet.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.set.metadata.uid
    }

    /// The CloneSet as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: CloneSet::API_VERSION,
            kind: CloneSet::KIND,
            metadata: &self.set.metadata,
        }
    }

    /// The pods, for what is remembered of them.
    #[must_use]
    pub fn owned_pods(&self) -> OwnedPods<'_> {
        OwnedPods {
            pods: &self.pods,
            generation: self.set.metadata.generation,
            now: self.now,
        }
    }

    /// Owned pods that are neither finished nor terminating. Only these are counted.
    pub fn active_pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pods.iter().filter(|pod| pod.is_active())
    }
}

//! What a plan is made from: plain data, looked up before planning starts.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{
    apps::v1beta1::CloneSet,
    budget::PodUnavailableBudget,
    defaults,
    inplace::Options,
    meta::{ObjectMeta, StringMap, Time},
    pod::Pod,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{refused::RefusedResize, wait::WaitReason};

/// Everything the planner knows of one CloneSet at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The CloneSet, as stored.
    pub set: Arc<CloneSet>,
    /// Pods that carry any owner reference with the CloneSet's UID (CS-27).
    pub pods: Vec<Arc<Pod>>,
    /// All revisions of the namespace: ours, and those whose names ours must not take.
    pub revisions: Vec<Arc<ControllerRevision>>,
    /// All budgets of the namespace; none unless gate `PodUnavailableBudgetUpdateGate` is on (CS-87).
    pub budgets: Vec<Arc<PodUnavailableBudget>>,
    /// Labels of the pods' nodes, by name, where [`crate::plan::needs_nodes`] asks for them.
    pub nodes: BTreeMap<String, StringMap>,
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
        if self.template_no_defaults {
            return;
        }
        defaults::pod_template(template);
        if self.default_host_ports {
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
    /// Resizes that the API server refused, by the pod's UID.
    pub refused_resizes: BTreeMap<String, RefusedResize>,
}

impl Memory {
    /// Notes which pods' resizes were refused, by UID; what has changed since is forgotten.
    pub fn note_refused(&mut self, snapshot: &Snapshot, refused: Vec<(String, String)>) {
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

/// What is kept of a ControllerRevision.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ControllerRevision {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// The stored template, as `{"spec":{"template":…}}`.
    pub data: Value,
    /// Number; the highest is the newest.
    pub revision: i64,
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

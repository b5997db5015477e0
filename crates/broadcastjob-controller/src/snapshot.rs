//! What a plan is made from: plain data, looked up before planning starts.

use std::sync::Arc;

use kruise_api::{
    apps::v1beta1::BroadcastJob,
    meta::{ObjectMeta, Time},
    object::{CustomResource, Object},
    pod::{Placement, PodWith},
    read::{Node, Stored},
    shared_list::SharedList,
    text::Text,
};
use kruise_plan::{OwnedPods, Owner};
use serde::{Deserialize, Deserializer};

use crate::{gates::Gates, memory::Memory};

/// Everything the planner knows of one BroadcastJob at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The BroadcastJob, as stored.
    pub job: Arc<BroadcastJob>,
    /// Pods that carry any owner reference with the job's UID, by name.
    pub pods: SharedList<Arc<JobPod>>,
    /// All nodes, by name.
    pub nodes: Vec<Arc<Node>>,
    /// The controller's clock.
    pub now: Time,
    /// Feature gates and flags.
    pub gates: Gates,
    /// What this process remembers of earlier passes; losing it loses nothing but time.
    pub memory: Memory,
}

/// A pod, with what decides where it may run, and whether its containers are started again.
pub type JobPod = PodWith<InJobs>;

/// What is read of the pods of BroadcastJobs besides what everybody reads.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InJobs {
    /// Of the pod's spec.
    pub spec: SpecInJobs,
}

/// What is read of the specs of these pods.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpecInJobs {
    /// `Never` or `OnFailure`.
    pub restart_policy: Text,
    /// Where the pod may run.
    #[serde(flatten)]
    pub placement: Placement,
}

/// A BroadcastJob as it is kept between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredJob {
    stored: Stored<BroadcastJob>,
    /// Where its pods may run. Each change of a node asks for that, of all jobs; it is worked out once.
    placement: Option<Placement>,
}

impl StoredJob {
    /// The BroadcastJob.
    #[must_use]
    pub fn object(&self) -> Option<BroadcastJob> {
        self.stored.object()
    }

    /// Where its pods may run; `None` where the template can't be read.
    #[must_use]
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref()
    }
}

impl Object for StoredJob {
    fn meta(&self) -> &ObjectMeta {
        &self.stored.metadata
    }
}

impl<'de> Deserialize<'de> for StoredJob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::<BroadcastJob>::deserialize(deserializer)?;
        let job = stored.object();
        let placement = job.and_then(|job| simulated(&job).ok());
        Ok(Self { stored, placement })
    }
}

/// Where the pods of a job may run, by its template alone: the pod that BJ-40 simulates. The node that the template
/// names is ignored (BJ-42).
///
/// # Errors
/// When the template can't be read.
pub fn simulated(job: &BroadcastJob) -> Result<Placement, serde_json::Error> {
    let spec = job.spec.template.get("spec");
    let placement: Option<Placement> = spec.map(Option::deserialize).transpose()?.flatten();
    Ok(Placement {
        node_name: Text::default(),
        ..placement.unwrap_or_default()
    })
}

impl Snapshot {
    /// UID of the job.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.job.metadata.uid
    }

    /// The job as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: BroadcastJob::API_VERSION,
            kind: BroadcastJob::KIND,
            metadata: &self.job.metadata,
        }
    }

    /// The pods, for checks that all kinds share.
    #[must_use]
    pub fn owned_pods(&self) -> OwnedPods<'_, JobPod> {
        OwnedPods {
            pods: &self.pods,
            generation: self.job.metadata.generation,
            now: self.now,
        }
    }
}

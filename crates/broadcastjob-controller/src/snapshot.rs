//! What a plan is made from: plain data, looked up before planning starts.

use std::sync::Arc;

use kruise_api::{meta::ObjectMeta, object::Object, resource::Resource};
use kruise_plan::{Owner, WaitReason};
use serde::Deserialize;

/// The kind that this deployable owns.
pub const BROADCAST_JOBS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "broadcastjobs",
    kind: "BroadcastJob",
    namespaced: true,
};

/// What of a BroadcastJob is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BroadcastJob {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What was reported of it.
    pub status: BroadcastJobStatus,
}

/// What of its status is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BroadcastJobStatus {
    /// The generation that was reported of last.
    pub observed_generation: Option<i64>,
}

impl Object for BroadcastJob {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// All that is known of one BroadcastJob: plain data, which the planner decides by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The BroadcastJob.
    pub broadcast_job: Arc<BroadcastJob>,
    /// What this process remembers of earlier passes; losing it loses nothing but time.
    pub memory: Memory,
}

/// What a process remembers of a BroadcastJob between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
}

impl Snapshot {
    /// The BroadcastJob as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: "apps.kruise.io/v1beta1",
            kind: "BroadcastJob",
            metadata: &self.broadcast_job.metadata,
        }
    }
}

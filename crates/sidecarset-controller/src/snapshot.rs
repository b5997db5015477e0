//! What a plan is made from: plain data, looked up before planning starts.

use std::sync::Arc;

use kruise_api::{meta::ObjectMeta, object::Object, resource::Resource};
use kruise_plan::{Owner, WaitReason};
use serde::Deserialize;

/// The kind that this deployable owns.
pub const SIDECAR_SETS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "sidecarsets",
    kind: "SidecarSet",
    namespaced: false,
};

/// What of a SidecarSet is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SidecarSet {
    /// Its metadata.
    pub metadata: ObjectMeta,
    /// What was reported of it.
    pub status: SidecarSetStatus,
}

/// What of its status is read.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SidecarSetStatus {
    /// The generation that was reported of last.
    pub observed_generation: Option<i64>,
}

impl Object for SidecarSet {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// All that is known of one SidecarSet: plain data, which the planner decides by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The SidecarSet.
    pub sidecar_set: Arc<SidecarSet>,
    /// What this process remembers of earlier passes; losing it loses nothing but time.
    pub memory: Memory,
}

/// What a process remembers of a SidecarSet between two passes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
}

impl Snapshot {
    /// The SidecarSet as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: "apps.kruise.io/v1beta1",
            kind: "SidecarSet",
            metadata: &self.sidecar_set.metadata,
        }
    }
}

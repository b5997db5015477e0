//! Version v1beta1: what the API server stores and controllers speak.

use serde::{Deserialize, Serialize};

use super::{spec::BroadcastJobSpec, status::BroadcastJobStatus};
use crate::{
    meta::{ObjectMeta, null_as_default},
    object::{ApiVersion, CustomResource, Kind, custom_resource, object},
    resource::Resource,
};

/// One pod of a template, run to completion on every node that fits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastJob {
    /// Group and version.
    #[serde(default)]
    pub api_version: ApiVersion<Self>,
    /// Kind.
    #[serde(default)]
    pub kind: Kind<Self>,
    /// Metadata.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub spec: BroadcastJobSpec,
    /// What the controller saw last.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: BroadcastJobStatus,
}

custom_resource!(
    BroadcastJob,
    "apps.kruise.io",
    "v1beta1",
    "BroadcastJob",
    "broadcastjobs"
);
object!(BroadcastJob);

/// BroadcastJobs, as calls about them name them.
pub const BROADCASTJOBS: Resource = Resource {
    group: BroadcastJob::GROUP,
    version: BroadcastJob::VERSION,
    plural: BroadcastJob::PLURAL,
    kind: BroadcastJob::KIND,
    namespaced: true,
};

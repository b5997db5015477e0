//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use serde::{Deserialize, Serialize};

use super::{spec::BroadcastJobSpec, status::BroadcastJobStatus};
use crate::{
    meta::{ObjectMeta, null_as_default},
    object::{ApiVersion, Kind, custom_resource},
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
    "v1alpha1",
    "BroadcastJob",
    "broadcastjobs"
);

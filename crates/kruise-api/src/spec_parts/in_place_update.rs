//! How pods are updated in place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{int_or_string::IntOrString, meta::UnknownFields};

/// The terms of an update in place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InPlaceUpdateStrategy {
    /// Seconds between marking a pod not ready and changing it, so that traffic can drain.
    /// Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i32>,
    /// On how many nodes at a time new images are pulled ahead: a number, or a percentage as text.
    /// Defaults to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pre_download_parallelism: Option<IntOrString>,
    /// Seconds after which pulling an image ahead is given up. Defaults to 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pre_download_timeout_seconds: Option<i32>,
    /// How many updated pods must be ready before images are pulled ahead. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pre_download_min_updated_ready_pods: Option<i32>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

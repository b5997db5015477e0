//! The two annotations in which the library remembers what it does. Others read their JSON, and running
//! installations have it on their pods. So the order of fields, what is left out, and nulls must stay as
//! they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Resources;
use crate::{
    json::go_json,
    meta::{StringMap, Time, list, map, null_as_default, optional_map, wire_time},
    pod::Pod,
    text::Text,
    well_known::annotations,
};

/// State of the last update in place, annotation
/// [`INPLACE_UPDATE_STATE`](annotations::INPLACE_UPDATE_STATE).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InPlaceUpdateState {
    /// Revision that the pod goes to.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// When the update began; its present batch may have begun later.
    #[serde(with = "wire_time")]
    pub update_timestamp: Option<Time>,
    /// What each container ran just before its image was changed. None until the first image was changed.
    #[serde(deserialize_with = "optional_map")]
    pub last_container_statuses: Option<BTreeMap<String, LastContainerStatus>>,
    /// Whether an environment variable comes from a changed label or annotation.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub update_env_from_metadata: bool,
    /// Whether resources change.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub update_resources: bool,
    /// Whether images change.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub update_images: bool,
    /// Images for later batches, by container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub next_container_images: StringMap,
    /// Labels and annotations for later batches, by the container that reads them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub next_container_ref_metadata: BTreeMap<String, RefMetadata>,
    /// Resources for later batches, by container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub next_container_resources: BTreeMap<String, Resources>,
    /// What must hold before the next batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_check_before_next: Option<PreCheckBeforeNext>,
    /// The batches applied so far.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub container_batches_record: Vec<ContainerBatch>,
}

/// What a container ran before its image was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastContainerStatus {
    /// Identity of the image, as the pod's status had it.
    #[serde(
        rename = "imageID",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub image_id: String,
    /// Identity of the container that is to be replaced (DV-IP13). OpenKruise neither writes nor reads this
    /// field.
    #[serde(
        rename = "containerID",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub container_id: String,
    /// A generation of the pod that has the container's new image; an earlier one may have it, too
    /// (DV-IP13). None where pods have no generation, and where OpenKruise wrote the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// Labels and annotations that a container reads through its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RefMetadata {
    /// Always null. The field is here because Go writes it.
    #[serde(with = "wire_time")]
    pub creation_timestamp: Option<Time>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub labels: StringMap,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub annotations: StringMap,
}

/// What must hold before the next batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PreCheckBeforeNext {
    /// Containers that must be ready.
    #[serde(deserialize_with = "list")]
    pub containers_required_ready: Vec<String>,
}

/// One batch that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerBatch {
    /// When the batch was applied.
    #[serde(with = "wire_time")]
    pub timestamp: Option<Time>,
    /// Names of the containers that the batch changed, sorted. Empty when only metadata changed.
    #[serde(deserialize_with = "list")]
    pub containers: Vec<String>,
}

/// What an update will change once its grace period is over, annotation
/// [`INPLACE_UPDATE_GRACE`](annotations::INPLACE_UPDATE_GRACE).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InPlaceUpdateGrace {
    /// Revision that the pod goes to.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// New images, by container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub container_images: StringMap,
    /// Labels and annotations, by the container that reads them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub container_ref_metadata: BTreeMap<String, RefMetadata>,
    /// Resources, by container.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub container_resources: BTreeMap<String, Resources>,
    /// Strategic merge patch of the pod's metadata, as base64 of its JSON.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub meta_data_patch: String,
    /// Whether an environment variable comes from a changed label or annotation.
    #[serde(skip_serializing_if = "is_false", deserialize_with = "null_as_default")]
    pub update_env_from_metadata: bool,
    /// Length of the grace period in seconds.
    #[serde(skip_serializing_if = "is_zero", deserialize_with = "null_as_default")]
    pub grace_seconds: i32,
}

impl InPlaceUpdateState {
    /// The state that the pod carries, under the present or the earlier key.
    ///
    /// # Errors
    ///
    /// When the pod carries a state that can't be read.
    pub fn of(pod: &Pod) -> Result<Option<Self>, serde_json::Error> {
        let keys = [
            annotations::INPLACE_UPDATE_STATE,
            annotations::INPLACE_UPDATE_STATE_LEGACY,
        ];
        first_annotation(pod, keys)
            .map(serde_json::from_str)
            .transpose()
    }

    /// Whether any change waits for a later batch.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.next_container_images.is_empty()
            || !self.next_container_ref_metadata.is_empty()
            || !self.next_container_resources.is_empty()
    }

    /// The annotation's value.
    #[must_use]
    pub fn to_json(&self) -> String {
        go_json(self)
    }
}

impl InPlaceUpdateGrace {
    /// The annotation's value.
    #[must_use]
    pub fn to_json(&self) -> String {
        go_json(self)
    }
}

/// Text of the grace annotation, under the present or the earlier key. It may be empty.
pub(super) fn grace_text(pod: &Pod) -> Option<&str> {
    first_annotation(
        pod,
        [
            annotations::INPLACE_UPDATE_GRACE,
            annotations::INPLACE_UPDATE_GRACE_LEGACY,
        ],
    )
}

fn first_annotation<'a>(pod: &'a Pod, keys: [&str; 2]) -> Option<&'a str> {
    keys.iter()
        .find_map(|key| pod.metadata.annotations.get(key))
        .map(Text::as_str)
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

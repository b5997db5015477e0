//! A pod's status: what the kubelet says of the pod and of each container.

use serde::{Deserialize, Serialize};

use super::{
    ContainerId,
    resources::{self, ResourcesDigest},
};
use crate::{
    meta::{Time, list, null_as_default, wire_time},
    text::Text,
};

/// What is kept of a pod's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Generation of the pod that the kubelet had seen when it wrote the status. Servers and kubelets have
    /// this field since 1.34.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub phase: Text,
    /// Conditions.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub conditions: Vec<PodCondition>,
    /// One entry for each container that the kubelet has seen.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub container_statuses: Vec<ContainerStatus>,
    /// One entry for each init container that the kubelet has seen.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub init_container_statuses: Vec<ContainerStatus>,
}

/// One condition of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// Type, unique in the pod.
    #[serde(rename = "type")]
    pub type_: Text,
    /// `True`, `False` or `Unknown`.
    pub status: Text,
    /// Word for why.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub reason: Text,
    /// Sentence for why.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub message: Text,
    /// When the status last changed.
    #[serde(with = "wire_time", skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// What the kubelet says of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: Text,
    /// Image that runs, as the runtime names it.
    pub image: Text,
    /// Identity of the image that runs, usually with its digest.
    #[serde(rename = "imageID")]
    pub image_id: Text,
    /// Identity of the running container, `<runtime>://<id>`.
    #[serde(rename = "containerID", skip_serializing_if = "ContainerId::is_empty")]
    pub container_id: ContainerId,
    /// Whether the container's readiness probe passes.
    #[serde(deserialize_with = "null_as_default")]
    pub ready: bool,
    /// How often the container was started again.
    #[serde(deserialize_with = "null_as_default")]
    pub restart_count: i32,
    /// Digest of the limits and requests that are in effect; absent when the kubelet reports none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "resources::of_status",
        serialize_with = "resources::status_to_wire"
    )]
    pub resources: Option<ResourcesDigest>,
    /// What the container does now.
    #[serde(deserialize_with = "null_as_default")]
    pub state: ContainerState,
    /// What the container did before it was started again.
    #[serde(
        skip_serializing_if = "LastState::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub last_state: LastState,
}

/// What is kept of a container's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerState {
    /// Set while the container is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<ContainerStateWaiting>,
    /// Set while the container runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Started>,
    /// Set once the container has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Started>,
}

/// What is kept of the state before the present one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LastState {
    /// Set when the container had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Started>,
}

/// What is kept of a state that began with the start of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Started {
    /// When the container was started, in whole seconds of the node's clock.
    #[serde(with = "wire_time", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
}

/// Why a container does not run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStateWaiting {
    /// One word, such as `ImagePullBackOff`.
    pub reason: Text,
}

impl LastState {
    fn is_empty(&self) -> bool {
        self.terminated.is_none()
    }
}

impl ContainerStatus {
    /// When the container that `container_id` names was started; none as long as no container ever was.
    #[must_use]
    pub fn started_at(&self) -> Option<Time> {
        let state = &self.state;
        // While a container waits to be started again, `container_id` still names the one that ended.
        [state.running, state.terminated, self.last_state.terminated]
            .into_iter()
            .flatten()
            .find_map(|started| started.started_at)
    }

    /// Why the container is held back, if by more than its ordinary start. `ErrImagePull` and
    /// `ImagePullBackOff` alternate by themselves, so both read as the latter.
    #[must_use]
    pub fn waiting_reason(&self) -> Option<&str> {
        let reason = self.state.waiting.as_ref()?.reason.as_str();
        match reason {
            "" | "ContainerCreating" | "PodInitializing" => None,
            "ErrImagePull" => Some("ImagePullBackOff"),
            _ => Some(reason),
        }
    }
}

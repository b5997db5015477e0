//! A pod as controllers and the in-place-update library read it: a slim projection that is decoded
//! straight from the wire and never written back.

mod container_id;
mod containers;
mod decode;
mod resources;
mod with;

use serde::{Deserialize, Serialize};

pub use container_id::ContainerId;
pub use containers::Containers;
pub use resources::{Amounts, ContainerResources, ResizePolicy, ResourcesDigest};
pub use with::PodWith;

use crate::{
    meta::{ObjectMeta, Time, list, null_as_default, wire_time},
    object::object,
    text::Text,
};

/// What is kept of a pod. Everything else on the wire is skipped while decoding.
///
/// Encoding a pod writes what decoding needs to make an equal one, digests and hashes included. It is
/// for tests and simulators; such JSON never goes to an API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: PodSpec,
    /// What is.
    pub status: PodStatus,
}
object!(Pod);

/// What is kept of a pod's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "decode::SpecOnTheWire<Container>")]
pub struct PodSpec {
    /// Node the pod was assigned to; empty before.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub node_name: Text,
    /// Containers that run side by side.
    #[serde(skip_serializing_if = "<[Container]>::is_empty")]
    pub containers: Containers,
    /// Containers that run before the others or, when they restart always, beside them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<InitContainer>,
    /// Conditions that must be True before the pod can be Ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readiness_gates: Vec<ReadinessGate>,
}

/// What is kept of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Name, unique in the pod.
    pub name: Text,
    /// Image reference.
    pub image: Text,
    /// Those environment variables that take their value from metadata of the pod, the launch barrier, and
    /// the mark of injected containers.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "env_that_matters"
    )]
    pub env: Vec<EnvVar>,
    /// Limits and requests; absent when there are none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "resources::of_spec"
    )]
    pub resources: Option<Box<ContainerResources>>,
    /// For which resources a change means a restart.
    #[serde(skip_serializing_if = "ResizePolicy::is_empty")]
    pub resize_policy: ResizePolicy,
    /// Hash of the whole container as kubelets before 1.31 compute it (IP-127). Only known for pods
    /// of which the node daemon reports hashes to compare it with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_hash: Option<u32>,
}

/// What is kept of an init container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitContainer {
    /// Name, unique in the pod.
    pub name: Text,
    /// `Always` for one that runs beside the ordinary containers.
    #[serde(
        skip_serializing_if = "Text::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub restart_policy: Text,
}

/// What is kept of an environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    /// Name.
    pub name: Text,
    /// Value, when it is given as such.
    #[serde(
        skip_serializing_if = "Text::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub value: Text,
    /// Where the value comes from otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// Where an environment variable takes its value from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVarSource {
    /// A field of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
    /// A key of a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// A field of the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// Such as `metadata.labels['app']`.
    pub field_path: Text,
}

/// A key of a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyRef {
    /// The key.
    pub key: Text,
}

/// One readiness gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadinessGate {
    /// Type of the condition that must be True.
    pub condition_type: Text,
}

/// What is kept of a pod's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Generation of the pod that the kubelet had seen when it wrote this. Servers and kubelets have it
    /// since 1.34.
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
    /// The same for init containers.
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
    /// Whether its readiness probe passes.
    #[serde(deserialize_with = "null_as_default")]
    pub ready: bool,
    /// How often it was started again.
    #[serde(deserialize_with = "null_as_default")]
    pub restart_count: i32,
    /// Digest of the limits and requests that are in effect; absent when the kubelet reports none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "resources::of_status",
        serialize_with = "resources::status_to_wire"
    )]
    pub resources: Option<ResourcesDigest>,
    /// What it does now.
    #[serde(deserialize_with = "null_as_default")]
    pub state: ContainerState,
    /// What it did before it was started again.
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
    /// Set while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Started>,
    /// Set once it has ended.
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
    /// When, in whole seconds of the node's clock.
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

impl Container {
    /// Whether a SidecarSet injected it.
    #[must_use]
    pub fn is_injected(&self) -> bool {
        self.env.iter().any(EnvVar::marks_injected)
    }

    /// Digest of the limits and requests.
    #[must_use]
    pub fn resources_digest(&self) -> ResourcesDigest {
        self.resources
            .as_ref()
            .map_or(ResourcesDigest::NOTHING, |resources| resources.digest)
    }
}

impl LastState {
    fn is_empty(&self) -> bool {
        self.terminated.is_none()
    }
}

impl ContainerStatus {
    /// When the container that `container_id` names was started; none before it ever was.
    #[must_use]
    pub fn started_at(&self) -> Option<Time> {
        let state = &self.state;
        // One that waits to be started again is named until it is.
        [state.running, state.terminated, self.last_state.terminated]
            .into_iter()
            .flatten()
            .find_map(|started| started.started_at)
    }

    /// Why the container is held back by more than its ordinary start. `ErrImagePull` and
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

impl EnvVar {
    /// Whether this variable says that a SidecarSet injected the container.
    #[must_use]
    pub fn marks_injected(&self) -> bool {
        self.name == IS_INJECTED && self.value == "true"
    }

    /// Whether this is the variable by which the start of the container is held back.
    #[must_use]
    pub fn is_launch_barrier(&self) -> bool {
        self.name == LAUNCH_BARRIER
    }

    /// The field of the pod that the value is taken from, unless a value is given.
    #[must_use]
    pub fn field_path(&self) -> Option<&str> {
        let source = self.value_from.as_ref().filter(|_| self.value.is_empty())?;
        source
            .field_ref
            .as_ref()
            .map(|field| field.field_path.as_str())
    }
}

/// Environment variable that the pod webhook adds; it refers to a key which appears when the
/// container may start.
const LAUNCH_BARRIER: &str = "KRUISE_CONTAINER_BARRIER";

/// Environment variable that the pod webhook gives to containers which it injects for a SidecarSet.
const IS_INJECTED: &str = "IS_INJECTED";

/// Reads a list of environment variables and keeps only what the libraries look at.
fn env_that_matters<'de, D>(deserializer: D) -> Result<Vec<EnvVar>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let mut env: Vec<EnvVar> = list(deserializer)?;
    env.retain(|env| {
        env.is_launch_barrier()
            || env.marks_injected()
            || env.field_path().is_some_and(|path| {
                path.starts_with("metadata.labels[") || path.starts_with("metadata.annotations[")
            })
    });
    Ok(env)
}

impl Pod {
    /// The container of this name.
    #[must_use]
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.spec
            .containers
            .iter()
            .find(|container| container.name == name)
    }

    /// What the kubelet says of the container of this name.
    #[must_use]
    pub fn container_status(&self, name: &str) -> Option<&ContainerStatus> {
        self.status
            .container_statuses
            .iter()
            .find(|status| status.name == name)
    }

    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&PodCondition> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.type_ == type_)
    }

    /// Whether the kubelet of the pod's node has reported on it: the kubelet is the one who first tells
    /// of containers, and whether the pod is ready.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        let status = &self.status;
        let is_told = !matches!(status.phase.as_str(), "" | "Pending")
            || !status.container_statuses.is_empty()
            || self.condition("Ready").is_some();
        self.has_node() && is_told
    }

    /// Whether the pod was assigned to a node.
    #[must_use]
    pub fn has_node(&self) -> bool {
        !self.spec.node_name.is_empty()
    }

    /// Whether the pod waits for a condition of this type before it can be Ready.
    #[must_use]
    pub fn has_readiness_gate(&self, type_: &str) -> bool {
        self.spec
            .readiness_gates
            .iter()
            .any(|gate| gate.condition_type == type_)
    }

    /// Active pods are neither finished nor being deleted (IP-101).
    #[must_use]
    pub fn is_active(&self) -> bool {
        !matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
            && !self.metadata.is_terminating()
    }

    /// Whether the pod's `Ready` condition is True (IP-102).
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.condition("Ready")
            .is_some_and(|condition| condition.status == "True")
    }
}

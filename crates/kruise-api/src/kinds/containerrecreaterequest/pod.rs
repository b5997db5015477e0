//! What the webhook of ContainerRecreateRequests reads of a pod: how its containers are stopped.

use serde::Deserialize;

use super::spec::ContainerPort;
use crate::{
    meta::{list, null_as_default},
    pod::PodWith,
    spec_parts::LifecycleHandler,
};

/// The pod of a request.
pub type StoppablePod = PodWith<Stopping>;

/// How a pod is stopped.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Stopping {
    /// What the pod's spec says.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: StoppingInSpec,
}

/// How a pod is stopped, in its spec.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoppingInSpec {
    /// Seconds that the pod gets to end.
    pub termination_grace_period_seconds: Option<i64>,
    /// The ordinary containers.
    #[serde(deserialize_with = "list")]
    pub containers: Vec<StoppableContainer>,
}

/// How a container is stopped.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StoppableContainer {
    /// Name of the container.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// What is done before it is stopped.
    #[serde(deserialize_with = "null_as_default")]
    pub lifecycle: Hooks,
    /// Its ports, which a hook may name.
    #[serde(deserialize_with = "list")]
    pub ports: Vec<ContainerPort>,
}

/// Hooks of a container.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hooks {
    /// What is done before it is stopped.
    pub pre_stop: Option<LifecycleHandler>,
}

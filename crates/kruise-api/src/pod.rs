//! A pod as controllers and the libraries of this crate read it: a slim projection that is decoded straight
//! from the wire and never written back.

mod container;
mod container_id;
mod containers;
mod decode;
mod placement;
mod resources;
mod spec;
mod status;
mod with;

use serde::Serialize;

pub use container::{Container, EnvVar, EnvVarSource, FieldRef, InitContainer, KeyRef};
pub use container_id::ContainerId;
pub use containers::Containers;
pub use placement::{
    NODE_NAME_FIELD, NodeSelectorRequirement, NodeSelectorTerm, Placement, Toleration,
};
pub use resources::{Amounts, ContainerResources, ResizePolicy, ResourcesDigest};
pub use spec::{PodSpec, ReadinessGate};
pub use status::{
    ContainerState, ContainerStateWaiting, ContainerStatus, LastState, PodCondition, PodStatus,
    Started,
};
pub use with::PodWith;

use crate::{meta::ObjectMeta, object::object};

/// What is kept of a pod. Everything else on the wire is skipped while decoding.
///
/// Encoding a pod writes what decoding needs to make an equal one, digests and hashes included. It is
/// for tests and simulators; such JSON never goes to an API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted of the pod.
    pub spec: PodSpec,
    /// What was seen of the pod.
    pub status: PodStatus,
}
object!(Pod);

impl AsRef<Self> for Pod {
    fn as_ref(&self) -> &Self {
        self
    }
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

    /// Whether the kubelet of the pod's node has reported on the pod. Only a kubelet is first to tell of
    /// containers, and whether the pod is ready.
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

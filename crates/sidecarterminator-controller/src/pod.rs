//! A pod as it is watched here, and what its containers have come to. Of pods without sidecars nothing is kept but who they
//! are.

use kruise_api::{meta::ObjectMeta, object::Object, pod::ContainerId, text::Text};

mod decode;
mod progress;

/// What is kept of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredPod {
    /// Identity and version, and whether it is being deleted.
    pub metadata: ObjectMeta,
    /// What it is and does, if it runs to completion and has a sidecar (ST-2, ST-4).
    pub state: Option<Box<PodState>>,
}

/// What a pod with sidecars is and does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodState {
    /// What follows the end of a container.
    pub restart_policy: RestartPolicy,
    /// The pod's node; empty until it has one.
    pub node_name: Text,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Text,
    /// The ordinary containers, in order. Init containers are never sidecars here.
    pub containers: Vec<Container>,
    /// What the kubelet says of each.
    pub statuses: Vec<ContainerStatus>,
}

/// When containers are started again. `Always` is not among them: such a pod is never done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Never: a container that has ended is done.
    #[default]
    Never,
    /// After a failure: a container is done when it has succeeded.
    OnFailure,
}

/// What is kept of a container: how it is ended, if it is a sidecar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Name, unique in the pod.
    pub name: Text,
    /// Whether it is killed, on nodes with a node daemon.
    pub is_killed: bool,
    /// Whether it is killed after the pod's phase was decided without it.
    pub ignores_exit_code: bool,
    /// The image that it is switched to on other nodes.
    pub switch: Option<ImageSwitch>,
}

/// How a container is ended by another image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSwitch {
    /// The image that the spec has.
    pub from: Text,
    /// The image that ends at once.
    pub to: Text,
}

/// What is kept of what the kubelet says of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: Text,
    /// Which run of the container this is about.
    pub container_id: ContainerId,
    /// What it does.
    pub state: State,
}

/// What a container does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// It has not begun, or waits to be started again.
    #[default]
    Waiting,
    /// It runs.
    Running,
    /// It has ended with this code.
    Terminated(i32),
}

impl Object for StoredPod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

//! Version v1alpha1, the only one: what the API server stores, and controllers and the daemon speak.

use crate::{
    custom_object::CustomObject,
    object::custom_resource,
    resource::Resource,
    spec_parts::{Probe, ProbeState},
    wire::wire,
};

wire! {
    /// What is probed on a node.
    pub struct NodePodProbeSpec {
        /// The pods of the node that are probed.
        list pod_probes: PodProbe,
    }

    /// What is probed in one pod.
    pub struct PodProbe {
        /// Name of the pod.
        required name: String,
        /// Namespace of the pod.
        required namespace: String,
        /// UID of the pod.
        required uid: String,
        /// IP of the pod. It is empty as long as the pod has none.
        #[serde(rename = "IP")]
        required ip: String,
        /// The probes.
        list probes: ContainerProbe,
    }

    /// One probe.
    pub struct ContainerProbe {
        /// Name of the PodProbeMarker, `#`, and name of the probe in it.
        required name: String,
        /// Name of the container that is probed.
        required container_name: String,
        /// How the container is asked, and how often. Ports are numbers.
        required probe: Probe,
    }

    /// What was found on a node.
    pub struct NodePodProbeStatus {
        /// Results of the pods that are probed.
        list pod_probe_statuses: PodProbeStatus,
    }

    /// What was found in one pod.
    pub struct PodProbeStatus {
        /// Name of the pod.
        required name: String,
        /// Namespace of the pod.
        required namespace: String,
        /// UID of the pod.
        required uid: String,
        /// The result of each probe.
        list probe_states: ContainerProbeState,
    }

    /// The result of one probe.
    pub struct ContainerProbeState {
        /// Name of the probe, as in the spec.
        required name: String,
        /// `Succeeded`, `Failed`, or `Unknown` until there is a result.
        required state: ProbeState,
        /// When the result came, or was last confirmed.
        time last_probe_time,
        /// When the state last changed.
        time last_transition_time,
        /// What the probe answered, or why it failed.
        omitempty message: String,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "NodePodProbe",
    "nodepodprobes"
);

/// What the daemon on a node shall probe, and what it found. It has the node's name.
pub type NodePodProbe = CustomObject<V1alpha1, NodePodProbeSpec, NodePodProbeStatus>;

/// NodePodProbes, as calls about them name them.
pub const NODEPODPROBES: Resource = Resource::in_no_namespace::<V1alpha1>();

/// Parts the name of a PodProbeMarker from that of a probe in it. Neither can contain it.
const SEPARATOR: char = '#';

impl ContainerProbe {
    /// The name that a probe of a PodProbeMarker has here (PP-14).
    #[must_use]
    pub fn name_of(marker: &str, probe: &str) -> String {
        format!("{marker}{SEPARATOR}{probe}")
    }

    /// The names of the PodProbeMarker and of the probe in it that a name here stands for. A name without `#` stands
    /// for none (PP-17, PP-24).
    #[must_use]
    pub fn origin_of(name: &str) -> Option<(&str, &str)> {
        name.split_once(SEPARATOR)
    }
}

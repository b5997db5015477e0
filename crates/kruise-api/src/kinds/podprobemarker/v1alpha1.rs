//! Version v1alpha1, the only one: what the API server stores and controllers speak.

use crate::{
    custom_object::CustomObject,
    meta::LabelSelector,
    object::custom_resource,
    resource::Resource,
    spec_parts::{Probe, ProbeState},
    wire::wire,
};

wire! {
    /// Which pods are probed, how, and what the results write to them.
    pub struct PodProbeMarkerSpec {
        /// Pods of the same namespace that are probed. It must not be empty, and can't be changed.
        required selector: LabelSelector,
        /// The probes. There has to be at least one.
        required_list probes: PodContainerProbe,
    }

    /// One probe, and what its results write to the pod. At least one of podConditionType and markerPolicy has to be
    /// given.
    pub struct PodContainerProbe {
        /// Name of the probe, of which there can be one in the PodProbeMarker. It has no `#`, and is none of
        /// PodScheduled, Initialized, Ready, ContainersReady, KruisePodReady and InPlaceUpdateReady.
        required name: String,
        /// Name of the container that is probed. Pods without such a container are not probed.
        required container_name: String,
        /// How the container is asked, and how often.
        required probe: Probe,
        /// What each result writes to the pod's labels and annotations.
        list marker_policy: ProbeMarkerPolicy,
        /// Type of the pod's condition that tells the result: True when the probe succeeded, else False. No other probe
        /// of the PodProbeMarker may have the same.
        omitempty pod_condition_type: String,
    }

    /// What one result of a probe writes to the pod. Labels, annotations or both have to be given. What the other
    /// result wrote is removed.
    pub struct ProbeMarkerPolicy {
        /// The result: `Succeeded` or `Failed`. No other policy of the probe may have the same.
        required state: ProbeState,
        /// Labels that the pod gets.
        map labels: String,
        /// Annotations that the pod gets.
        map annotations: String,
    }

    /// What the controller saw last.
    pub struct PodProbeMarkerStatus {
        /// Generation of the spec that the status is about.
        required observed_generation: i64,
        /// Pods that match the selector, are initialized and have a node.
        omitempty matched_pods: i64,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "PodProbeMarker",
    "podprobemarkers"
);

/// Probes of a user's own in the containers of pods, and what their results write to the pods.
pub type PodProbeMarker = CustomObject<V1alpha1, PodProbeMarkerSpec, PodProbeMarkerStatus>;

/// PodProbeMarkers, as calls about them name them.
pub const PODPROBEMARKERS: Resource = Resource::in_namespaces::<V1alpha1>();

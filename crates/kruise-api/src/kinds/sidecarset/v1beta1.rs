//! Version v1beta1: what the API server stores and controllers speak.

use super::{
    spec::{
        LocalObjectReference, SidecarContainer, SidecarSetInjectionStrategy,
        SidecarSetPatchPodMetadata, SidecarSetUpdateStrategy,
    },
    status::SidecarSetStatus,
};
use crate::{
    custom_object::CustomObject, meta::LabelSelector, object::custom_resource, resource::Resource,
    wire::wire,
};

wire! {
    /// Which pods get which containers.
    pub struct SidecarSetSpec {
        /// Pods that get the containers. It must not be empty.
        optional selector: LabelSelector,
        /// A name for this version of the containers, by which injectionStrategy can name it later.
        omitempty custom_version: String,
        /// Namespaces whose pods get the containers. Unset: all. It must not be empty.
        optional namespace_selector: LabelSelector,
        /// Init containers that new pods get, in the order of their names. One with restartPolicy Always runs as long as
        /// the pod does.
        list init_containers: SidecarContainer,
        /// Containers that new pods get, and whose images are updated there later. None can be added later.
        list containers: SidecarContainer,
        /// Volumes as in a pod. Pods get those that an injected container mounts.
        raw volumes,
        /// How pods are updated that have the containers already.
        optional update_strategy: SidecarSetUpdateStrategy,
        /// Which containers new pods get.
        optional injection_strategy: SidecarSetInjectionStrategy,
        /// Secrets for pulling images that new pods get.
        list image_pull_secrets: LocalObjectReference,
        /// How many old revisions are kept. Defaults to 10.
        optional revision_history_limit: i32,
        /// Annotations that new pods get.
        list patch_pod_metadata: SidecarSetPatchPodMetadata,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "SidecarSet",
    "sidecarsets"
);

/// Containers that are put into the pods of many applications, and kept up to date there.
pub type SidecarSet = CustomObject<V1beta1, SidecarSetSpec, SidecarSetStatus>;

/// SidecarSets, as calls about them name them.
pub const SIDECARSETS: Resource = Resource::in_no_namespace::<V1beta1>();

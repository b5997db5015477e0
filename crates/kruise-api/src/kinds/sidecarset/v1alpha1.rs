//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::{
    spec::{
        LocalObjectReference, SidecarContainer, SidecarSetInjectionStrategy,
        SidecarSetPatchPodMetadata, SidecarSetUpdateStrategy,
    },
    status::SidecarSetStatus,
};
use crate::{
    custom_object::CustomObject, meta::LabelSelector, object::custom_resource, wire::wire,
};

wire! {
    /// Which pods get which containers.
    pub struct SidecarSetSpec {
        /// Pods that get the containers. It must not be empty.
        optional selector: LabelSelector,
        /// The namespace whose pods get the containers. Then namespaceSelector has no effect. Empty: as namespaceSelector
        /// says.
        omitempty namespace: String,
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

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "SidecarSet",
    "sidecarsets"
);

/// Containers that are put into the pods of many applications, and kept up to date there.
pub type SidecarSet = CustomObject<V1alpha1, SidecarSetSpec, SidecarSetStatus>;

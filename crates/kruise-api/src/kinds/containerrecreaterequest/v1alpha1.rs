//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::spec::{
    ContainerRecreateRequestContainerRecreateState, ContainerRecreateRequestPhase,
    ContainerRecreateRequestSpec,
};
use crate::{custom_object::CustomObject, object::custom_resource, wire::wire};

wire! {
    /// How far the request has come.
    pub struct ContainerRecreateRequestStatus {
        /// `Pending`, `Recreating` or `Completed`.
        required phase: ContainerRecreateRequestPhase,
        /// When the request ended.
        time completion_time,
        /// Why the request ended; empty when all containers were dealt with.
        omitempty message: String,
        /// How far each container has come.
        list container_recreate_states: ContainerRecreateRequestContainerRecreateState,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "ContainerRecreateRequest",
    "containerrecreaterequests"
);

/// A request to start containers of a pod anew.
pub type ContainerRecreateRequest =
    CustomObject<V1alpha1, ContainerRecreateRequestSpec, ContainerRecreateRequestStatus>;

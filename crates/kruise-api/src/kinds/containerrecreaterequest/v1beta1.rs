//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::{
    ContainerRecreateRequestContainerRecreateState, ContainerRecreateRequestPhase,
    ContainerRecreateRequestSpec,
};
use crate::{
    condition::Condition, custom_object::CustomObject, meta::Time, object::custom_resource,
    resource::Resource, spec_parts::MetaCondition, well_known::conditions::PRE_RECREATE_GRACE,
    wire::wire,
};

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
        /// What the pod says of the containers since they were started anew.
        list container_status_snapshot: ContainerStatusSnapshot,
        /// `PreRecreateGrace`: since when the pod has been held not ready.
        #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
        list conditions: MetaCondition,
    }

    /// What a pod says of a container.
    pub struct ContainerStatusSnapshot {
        /// Name of the container.
        required name: String,
        /// Whether the container is ready.
        required ready: bool,
        /// How often the container was started again.
        required restart_count: i32,
        /// Identity of the container.
        #[serde(rename = "containerID")]
        omitempty container_id: String,
    }
}

impl ContainerRecreateRequestStatus {
    /// Since when the pod has been held not ready, if it has been (CR-18, CR-27).
    #[must_use]
    pub fn held_since(&self) -> Option<Time> {
        let mut conditions = self.conditions.iter();
        conditions
            .find(|condition| condition.type_ == PRE_RECREATE_GRACE && condition.status == "True")?
            .last_transition_time
    }

    /// The condition that the pod has been held not ready since then (CR-2, CR-21).
    #[must_use]
    pub fn held(since: Time) -> MetaCondition {
        let message = "Pod has been forced to not-ready for unreadyGracePeriodSeconds drain";
        let (type_, reason) = (PRE_RECREATE_GRACE, PRE_RECREATE_GRACE);
        MetaCondition::new(type_, "True", reason, message.to_owned(), since)
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "ContainerRecreateRequest",
    "containerrecreaterequests"
);

/// A request to start containers of a pod anew.
pub type ContainerRecreateRequest =
    CustomObject<V1beta1, ContainerRecreateRequestSpec, ContainerRecreateRequestStatus>;

/// ContainerRecreateRequests, as calls about them name them.
pub const CONTAINERRECREATEREQUESTS: Resource = Resource::in_namespaces::<V1beta1>();

//! Version v1beta1: what the API server stores and controllers speak.

use super::{
    spec::UnitedDeploymentSpec,
    status::{UnitedDeploymentCondition, UnitedDeploymentSubsetStatus},
};
use crate::{custom_object::CustomObject, object::custom_resource, resource::Resource, wire::wire};

wire! {
    /// What the controller saw last.
    pub struct UnitedDeploymentStatus {
        /// Generation of the spec that this status is about.
        omitempty observed_generation: i64,
        /// Pods that are ready.
        omitempty ready_replicas: i32,
        /// Pods that there are.
        required replicas: i32,
        /// Pods at the revision of the template.
        required updated_replicas: i32,
        /// Pods at the revision of the template that are ready.
        omitempty updated_ready_replicas: i32,
        /// Pods that find no node, and for which other groups stand in.
        omitempty reserved_pods: i32,
        /// Not used.
        optional collision_count: i32,
        /// Name of the revision of the last completed roll-out.
        required current_revision: String,
        /// Name of the revision of the template.
        omitempty updated_revision: String,
        /// What was seen of each group.
        list subset_statuses: UnitedDeploymentSubsetStatus,
        /// What holds now.
        list conditions: UnitedDeploymentCondition,
        /// The selector as text, for the scale subresource.
        omitempty label_selector: String,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "UnitedDeployment",
    "uniteddeployments"
);

/// One application as several workloads, one for each group of nodes.
pub type UnitedDeployment = CustomObject<V1beta1, UnitedDeploymentSpec, UnitedDeploymentStatus>;

/// UnitedDeployments, as calls about them name them.
pub const UNITEDDEPLOYMENTS: Resource = Resource::in_namespaces::<V1beta1>();

//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::{
    spec::UnitedDeploymentSpec,
    status::{UnitedDeploymentCondition, UnitedDeploymentSubsetStatus},
};
use crate::{custom_object::CustomObject, object::custom_resource, wire::wire};

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
        /// Pods that each group shall have.
        map subset_replicas: i32,
        /// How far the update has come.
        optional update_status: UpdateStatus,
        /// What was seen of each group.
        list subset_statuses: UnitedDeploymentSubsetStatus,
        /// What holds now.
        list conditions: UnitedDeploymentCondition,
        /// The selector as text, for the scale subresource.
        omitempty label_selector: String,
    }

    /// How far the update has come.
    pub struct UpdateStatus {
        /// Name of the revision of the template.
        omitempty updated_revision: String,
        /// Pods of each group that shall keep their old revision.
        map current_partitions: i32,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "UnitedDeployment",
    "uniteddeployments"
);

/// One application as several workloads, one for each group of nodes.
pub type UnitedDeployment = CustomObject<V1alpha1, UnitedDeploymentSpec, UnitedDeploymentStatus>;

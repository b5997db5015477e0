//! Version v1beta1: what the API server stores and controllers speak.

use super::{
    spec::ResourceDistributionTargetNamespaces, status::ResourceDistributionConditionType,
};
use crate::{
    custom_object::CustomObject, meta::LabelSelector, object::custom_resource, resource::Resource,
    wire::wire,
};

wire! {
    /// What is copied, and whereto.
    pub struct ResourceDistributionSpec {
        /// The whole Secret or ConfigMap, of which each target namespace gets a copy. Its namespace has no meaning. Its
        /// apiVersion, kind and name can't be changed; a change of anything but metadata reaches the copies.
        required_object resource,
        /// The namespaces that get a copy. kube-system and kube-public never do.
        required targets: ResourceDistributionTargets,
    }

    /// Namespaces. A namespace is a target if any of the fields but excludedNamespaces says so.
    pub struct ResourceDistributionTargets {
        /// Namespaces that are no targets, whatever the other fields say. Alone it means that there are no targets.
        optional excluded_namespaces: ResourceDistributionTargetNamespaces,
        /// Whether every namespace is a target, also those to come. Then includedNamespaces and the selector have no
        /// effect. Defaults to false.
        omitempty all_namespaces: bool,
        /// Namespaces that are targets. One that does not exist counts as failed until it does.
        optional included_namespaces: ResourceDistributionTargetNamespaces,
        /// Namespaces with these labels are targets. An empty selector selects none.
        optional namespace_selector: LabelSelector,
    }

    /// What the controller saw last.
    pub struct ResourceDistributionStatus {
        /// Target namespaces.
        omitempty desired: i32,
        /// Target namespaces that have their copy.
        omitempty succeeded: i32,
        /// Target namespaces that have not.
        omitempty failed: i32,
        /// Generation of the spec that this status is about.
        omitempty observed_generation: i64,
        /// What can go wrong, and where it does: six entries, always in the same order.
        list conditions: ResourceDistributionCondition,
    }

    /// One thing that can go wrong.
    pub struct ResourceDistributionCondition {
        /// `GetResourceFailed`, `CreateResourceFailed`, `UpdateResourceFailed`, `DeleteResourceFailed`,
        /// `ConflictOccurred` or `NamespaceNotExists`.
        #[serde(rename = "type")]
        required type_: ResourceDistributionConditionType,
        /// `True` if it went wrong in some namespace, otherwise `False`.
        required status: String,
        /// When the status last changed.
        time last_transition_time,
        /// The last error, or `Succeeded`.
        omitempty reason: String,
        /// Namespaces in which it went wrong.
        list failed_namespaces: String,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "ResourceDistribution",
    "resourcedistributions"
);

/// One Secret or ConfigMap, copied into many namespaces.
pub type ResourceDistribution =
    CustomObject<V1beta1, ResourceDistributionSpec, ResourceDistributionStatus>;

/// ResourceDistributions, as calls about them name them.
pub const RESOURCEDISTRIBUTIONS: Resource = Resource::in_no_namespace::<V1beta1>();

//! Parts of a ResourceDistribution's spec that are the same in both versions.

use crate::wire::wire;

wire! {
    /// Namespaces by name.
    pub struct ResourceDistributionTargetNamespaces {
        /// The namespaces.
        list list: ResourceDistributionNamespace,
    }

    /// A namespace.
    pub struct ResourceDistributionNamespace {
        /// Name of the namespace.
        omitempty name: String,
    }
}

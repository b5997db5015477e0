//! NodePodProbe: what the daemon on a node shall probe, and what it found (docs/spec/podprobemarker.md). There is one a
//! node, of the node's name. Controllers and the daemon write it, users don't, and so no admission looks at it.

mod crd;
pub(crate) mod v1alpha1;

use super::custom_kind::CustomKind;
use crate::object::CustomResource;

/// The line of this kind in the list of all.
pub(super) const KIND: CustomKind = CustomKind {
    name: v1alpha1::V1alpha1::KIND,
    definition: crd::definition,
    conversions: &[],
};

//! PodProbeMarker: probes of a user's own in the containers of pods, and what their results write to the pods
//! (docs/spec/podprobemarker.md). Nothing fills in defaults.

mod crd;
mod texts;
pub(crate) mod v1alpha1;
pub mod validation;

use super::custom_kind::CustomKind;
use crate::object::CustomResource;

/// The line of this kind in the list of all.
pub(super) const KIND: CustomKind = CustomKind {
    name: v1alpha1::V1alpha1::KIND,
    definition: crd::definition,
    conversions: &[],
};

//! EphemeralJob: ephemeral containers that are added to pods, a few pods at a time (docs/spec/ephemeraljob.md). Nothing
//! fills in defaults.

mod crd;
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

//! ImagePullJob: one image, pulled onto a set of nodes (docs/spec/imagepull.md).

pub(crate) mod crd;
pub mod defaults;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod v1alpha1;
pub(crate) mod v1beta1;
pub mod validation;

use super::custom_kind::CustomKind;
use crate::{object::CustomResource, versions::Conversion};

/// The line of this kind in the list of all. Both versions have the same schema, so that nothing but the name of the
/// version changes, and the API server does that by itself (PF-402).
pub(super) const KIND: CustomKind = CustomKind {
    name: v1beta1::V1beta1::KIND,
    definition: crd::definition,
    conversions: &Conversion::same_schema::<v1alpha1::V1alpha1, v1beta1::V1beta1>(),
};

//! BroadcastJob between v1alpha1 and v1beta1. Both have the same schema, so that nothing but the name of the version
//! changes, and the API server does that by itself: the CRD's strategy is `None` (PF-402).

use super::{v1alpha1, v1beta1};
use crate::versions::Conversion;

/// Every way between versions.
pub(super) const ALL: &[Conversion] =
    &Conversion::same_schema::<v1alpha1::V1alpha1, v1beta1::V1beta1>();

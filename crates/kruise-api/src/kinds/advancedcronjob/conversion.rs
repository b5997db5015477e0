//! AdvancedCronJob between v1alpha1 and v1beta1. v1alpha1 has no template of ImageListPullJobs, and an object with one
//! has no form in v1alpha1 (AC-2). The API server does not ask: the CRD's strategy is `None`, so that it shows such an
//! object without its template.

use super::{v1alpha1::V1alpha1, v1beta1::V1beta1};
use crate::versions::Conversion;

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<V1alpha1, V1beta1>(|_| Ok(())),
    Conversion::new::<V1beta1, V1alpha1>(|object| {
        object.must_lack("spec.template.imageListPullJobTemplate")
    }),
];

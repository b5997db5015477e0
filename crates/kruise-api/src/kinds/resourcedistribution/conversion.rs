//! ResourceDistribution between v1alpha1 and v1beta1 (RD-1): two fields have another name.

use super::{v1alpha1::V1alpha1, v1beta1::V1beta1};
use crate::versions::{
    Conversion,
    renamed::{self, Renamed},
};

const RENAMED: [Renamed; 2] = [
    Renamed::new(
        "spec.targets",
        "namespaceLabelSelector",
        "namespaceSelector",
    ),
    Renamed::new("status.conditions[]", "failedNamespace", "failedNamespaces"),
];

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<V1alpha1, V1beta1>(|object| renamed::to_newer(object, &RENAMED)),
    Conversion::new::<V1beta1, V1alpha1>(|object| renamed::to_older(object, &RENAMED)),
];

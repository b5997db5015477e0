//! WorkloadSpread between v1alpha1 and v1beta1 (WS-1): requirements on nodes have other names, and conditions another
//! type, which asks for a reason and may name a generation.

use super::{v1alpha1, v1beta1};
use crate::versions::{
    Conversion,
    renamed::{self, Renamed},
};

/// Reason of a condition that has none, since v1beta1 asks for one.
const NO_REASON: &str = "Unknown";
const GENERATION: &str = "observedGeneration";

const RENAMED: [Renamed; 2] = [
    Renamed::new(
        "spec.subsets[]",
        "requiredNodeSelectorTerm",
        "requiredNodeSelector",
    ),
    Renamed::new(
        "spec.subsets[]",
        "preferredNodeSelectorTerms",
        "preferredNodeSelector",
    ),
];

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        renamed::to_newer(object, &RENAMED)?;
        object.convert_spec(|spec: v1beta1::WorkloadSpreadSpec, _| spec)?;
        object.convert_status(|status, _| with_reasons(status))
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        renamed::to_older(object, &RENAMED)?;
        object.convert_spec(|spec: v1alpha1::WorkloadSpreadSpec, _| spec)?;
        object.convert_status(|status, _| without_generations(status))
    }),
];

fn with_reasons(mut status: v1beta1::WorkloadSpreadStatus) -> v1beta1::WorkloadSpreadStatus {
    let versioned = status.versioned_subset_statuses.values_mut().flatten();
    let subsets = status.subset_statuses.iter_mut().chain(versioned);
    for condition in subsets.flat_map(|subset| &mut subset.conditions) {
        if condition.reason.is_empty() {
            NO_REASON.clone_into(&mut condition.reason);
        }
    }
    status
}

fn without_generations(
    mut status: v1alpha1::WorkloadSpreadStatus,
) -> v1alpha1::WorkloadSpreadStatus {
    let versioned = status.versioned_subset_statuses.values_mut().flatten();
    let subsets = status.subset_statuses.iter_mut().chain(versioned);
    for condition in subsets.flat_map(|subset| &mut subset.conditions) {
        condition.unknown.remove(GENERATION);
    }
    status
}

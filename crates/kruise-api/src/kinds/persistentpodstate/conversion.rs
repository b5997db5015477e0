//! PersistentPodState between v1alpha1 and v1beta1 (PS-1, PS-2): the keys of labels have another name. A value of
//! v1alpha1 that v1beta1 does not take becomes what it acts as (DV-PS1).

use super::{
    spec::{PersistentPodStateRetentionPolicy, PersistentPodStateStatus},
    v1alpha1, v1beta1,
};
use crate::versions::{
    Conversion, ConversionError, RawObject,
    renamed::{self, Renamed},
};

const RENAMED: [Renamed; 2] = [
    Renamed::new(
        "spec.requiredPersistentTopology",
        "nodeTopologyKeys",
        "keys",
    ),
    Renamed::new(
        "spec.preferredPersistentTopology[].preference",
        "nodeTopologyKeys",
        "keys",
    ),
];

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        renamed::to_newer(object, &RENAMED)?;
        object.convert_spec(|spec, _| in_bounds(spec))?;
        tidy_status(object)
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        renamed::to_older(object, &RENAMED)?;
        object.convert_spec(|spec: v1alpha1::PersistentPodStateSpec, _| spec)?;
        tidy_status(object)
    }),
];

/// DV-PS1
fn in_bounds(mut spec: v1beta1::PersistentPodStateSpec) -> v1beta1::PersistentPodStateSpec {
    for term in &mut spec.preferred_persistent_topology {
        term.weight = term.weight.max(0);
    }
    let policy = &mut spec.persistent_pod_state_retention_policy;
    if let PersistentPodStateRetentionPolicy::Other(_) = policy {
        *policy = PersistentPodStateRetentionPolicy::default();
    }
    spec
}

/// Leaves out what is empty.
fn tidy_status(object: &mut RawObject) -> Result<(), ConversionError> {
    object.convert_status(|status: PersistentPodStateStatus, _| status)
}

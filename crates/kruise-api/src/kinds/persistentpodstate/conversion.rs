//! PersistentPodState between v1alpha1 and v1beta1 (PS-1, PS-2): the keys of labels have another name. A value of
//! v1alpha1 that v1beta1 does not take becomes what it acts as (DV-PS1).

use super::{
    spec::{PersistentPodStateRetentionPolicy, PersistentPodStateStatus},
    v1alpha1, v1beta1,
};
use crate::versions::{Conversion, ConversionError, RawObject};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(|spec, _| to_v1beta1(spec))?;
        tidy_status(object)
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(|spec, _| to_v1alpha1(spec))?;
        tidy_status(object)
    }),
];

impl From<v1alpha1::PersistentPodState> for v1beta1::PersistentPodState {
    fn from(state: v1alpha1::PersistentPodState) -> Self {
        state.converted(|spec, _| to_v1beta1(spec), |status, _| status)
    }
}

impl From<v1beta1::PersistentPodState> for v1alpha1::PersistentPodState {
    fn from(state: v1beta1::PersistentPodState) -> Self {
        state.converted(|spec, _| to_v1alpha1(spec), |status, _| status)
    }
}

/// Leaves out what is empty.
fn tidy_status(object: &mut RawObject) -> Result<(), ConversionError> {
    object.convert_status(|status: PersistentPodStateStatus, _| status)
}

fn to_v1beta1(spec: v1alpha1::PersistentPodStateSpec) -> v1beta1::PersistentPodStateSpec {
    let v1alpha1::PersistentPodStateSpec {
        target_ref,
        persistent_pod_annotations,
        required_persistent_topology,
        preferred_persistent_topology,
        persistent_pod_state_retention_policy,
        unknown,
    } = spec;
    let keys = |term: v1alpha1::NodeTopologyTerm| {
        let v1alpha1::NodeTopologyTerm {
            node_topology_keys,
            unknown,
        } = term;
        v1beta1::NodeTopologyTerm {
            keys: node_topology_keys,
            unknown,
        }
    };
    let preferred = preferred_persistent_topology.into_iter().map(|term| {
        let v1alpha1::PreferredTopologyTerm {
            weight,
            preference,
            unknown,
        } = term;
        v1beta1::PreferredTopologyTerm {
            weight: weight.max(0),
            preference: keys(preference),
            unknown,
        }
    });
    v1beta1::PersistentPodStateSpec {
        target_ref,
        persistent_pod_annotations,
        required_persistent_topology: required_persistent_topology.map(keys),
        preferred_persistent_topology: preferred.collect(),
        persistent_pod_state_retention_policy: match persistent_pod_state_retention_policy {
            PersistentPodStateRetentionPolicy::Other(_) => {
                PersistentPodStateRetentionPolicy::default()
            }
            known => known,
        },
        unknown,
    }
}

fn to_v1alpha1(spec: v1beta1::PersistentPodStateSpec) -> v1alpha1::PersistentPodStateSpec {
    let v1beta1::PersistentPodStateSpec {
        target_ref,
        persistent_pod_annotations,
        required_persistent_topology,
        preferred_persistent_topology,
        persistent_pod_state_retention_policy,
        unknown,
    } = spec;
    let keys = |term: v1beta1::NodeTopologyTerm| {
        let v1beta1::NodeTopologyTerm { keys, unknown } = term;
        v1alpha1::NodeTopologyTerm {
            node_topology_keys: keys,
            unknown,
        }
    };
    let preferred = preferred_persistent_topology.into_iter().map(|term| {
        let v1beta1::PreferredTopologyTerm {
            weight,
            preference,
            unknown,
        } = term;
        v1alpha1::PreferredTopologyTerm {
            weight,
            preference: keys(preference),
            unknown,
        }
    });
    v1alpha1::PersistentPodStateSpec {
        target_ref,
        persistent_pod_annotations,
        required_persistent_topology: required_persistent_topology.map(keys),
        preferred_persistent_topology: preferred.collect(),
        persistent_pod_state_retention_policy,
        unknown,
    }
}

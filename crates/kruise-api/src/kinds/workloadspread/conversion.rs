//! WorkloadSpread between v1alpha1 and v1beta1 (WS-1): requirements on nodes have other names, and conditions another
//! type.

use super::{v1alpha1, v1beta1};
use crate::{
    spec_parts::{MetaCondition, WorkloadCondition},
    versions::Conversion,
};

/// Reason of a condition that has none, since v1beta1 asks for one.
const NO_REASON: &str = "Unknown";

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(|spec, _| spec_to_v1beta1(spec))?;
        object.convert_status(|status, _| status_to_v1beta1(status))
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(|spec, _| spec_to_v1alpha1(spec))?;
        object.convert_status(|status, _| status_to_v1alpha1(status))
    }),
];

impl From<v1alpha1::WorkloadSpread> for v1beta1::WorkloadSpread {
    fn from(spread: v1alpha1::WorkloadSpread) -> Self {
        spread.converted(
            |spec, _| spec_to_v1beta1(spec),
            |status, _| status_to_v1beta1(status),
        )
    }
}

impl From<v1beta1::WorkloadSpread> for v1alpha1::WorkloadSpread {
    fn from(spread: v1beta1::WorkloadSpread) -> Self {
        spread.converted(
            |spec, _| spec_to_v1alpha1(spec),
            |status, _| status_to_v1alpha1(status),
        )
    }
}

/// The functions from one version to the other, which differ in names alone.
macro_rules! between {
    (
        $from:ident to $to:ident: $spec:ident, $status:ident, $condition:ident,
        $required:ident is $required_there:ident, $preferred:ident is $preferred_there:ident
    ) => {
        fn $spec(spec: $from::WorkloadSpreadSpec) -> $to::WorkloadSpreadSpec {
            let $from::WorkloadSpreadSpec {
                target_ref,
                target_filter,
                subsets,
                schedule_strategy,
                unknown,
            } = spec;
            let subsets = subsets.into_iter().map(|subset| {
                let $from::WorkloadSpreadSubset {
                    name,
                    $required,
                    $preferred,
                    tolerations,
                    max_replicas,
                    patch,
                    unknown,
                } = subset;
                $to::WorkloadSpreadSubset {
                    name,
                    $required_there: $required,
                    $preferred_there: $preferred,
                    tolerations,
                    max_replicas,
                    patch,
                    unknown,
                }
            });
            $to::WorkloadSpreadSpec {
                target_ref,
                target_filter,
                subsets: subsets.collect(),
                schedule_strategy,
                unknown,
            }
        }

        fn $status(status: $from::WorkloadSpreadStatus) -> $to::WorkloadSpreadStatus {
            let $from::WorkloadSpreadStatus {
                observed_generation,
                subset_statuses,
                versioned_subset_statuses,
                unknown,
            } = status;
            let subset = |subset: $from::WorkloadSpreadSubsetStatus| {
                let $from::WorkloadSpreadSubsetStatus {
                    name,
                    replicas,
                    missing_replicas,
                    creating_pods,
                    deleting_pods,
                    conditions,
                    unknown,
                } = subset;
                $to::WorkloadSpreadSubsetStatus {
                    name,
                    replicas,
                    missing_replicas,
                    creating_pods,
                    deleting_pods,
                    conditions: conditions.into_iter().map($condition).collect(),
                    unknown,
                }
            };
            let versioned = versioned_subset_statuses
                .into_iter()
                .map(|(version, subsets)| (version, subsets.into_iter().map(subset).collect()));
            $to::WorkloadSpreadStatus {
                observed_generation,
                subset_statuses: subset_statuses.into_iter().map(subset).collect(),
                versioned_subset_statuses: versioned.collect(),
                unknown,
            }
        }
    };
}

between! {
    v1alpha1 to v1beta1: spec_to_v1beta1, status_to_v1beta1, condition_to_v1beta1,
    required_node_selector_term is required_node_selector,
    preferred_node_selector_terms is preferred_node_selector
}

between! {
    v1beta1 to v1alpha1: spec_to_v1alpha1, status_to_v1alpha1, condition_to_v1alpha1,
    required_node_selector is required_node_selector_term,
    preferred_node_selector is preferred_node_selector_terms
}

fn condition_to_v1beta1(condition: WorkloadCondition) -> MetaCondition {
    let WorkloadCondition {
        type_,
        status,
        last_transition_time,
        reason,
        message,
        unknown,
    } = condition;
    MetaCondition {
        type_,
        status,
        observed_generation: 0,
        last_transition_time,
        reason: Some(reason)
            .filter(|reason| !reason.is_empty())
            .unwrap_or_else(|| NO_REASON.to_owned()),
        message,
        unknown,
    }
}

fn condition_to_v1alpha1(condition: MetaCondition) -> WorkloadCondition {
    let MetaCondition {
        type_,
        status,
        observed_generation: _,
        last_transition_time,
        reason,
        message,
        unknown,
    } = condition;
    WorkloadCondition {
        type_,
        status,
        last_transition_time,
        reason,
        message,
        unknown,
    }
}

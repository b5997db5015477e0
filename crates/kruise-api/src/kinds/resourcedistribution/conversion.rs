//! ResourceDistribution between v1alpha1 and v1beta1 (RD-1): two fields have another name.

use super::{v1alpha1, v1beta1};
use crate::versions::Conversion;

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

impl From<v1alpha1::ResourceDistribution> for v1beta1::ResourceDistribution {
    fn from(distribution: v1alpha1::ResourceDistribution) -> Self {
        distribution.converted(
            |spec, _| spec_to_v1beta1(spec),
            |status, _| status_to_v1beta1(status),
        )
    }
}

impl From<v1beta1::ResourceDistribution> for v1alpha1::ResourceDistribution {
    fn from(distribution: v1beta1::ResourceDistribution) -> Self {
        distribution.converted(
            |spec, _| spec_to_v1alpha1(spec),
            |status, _| status_to_v1alpha1(status),
        )
    }
}

/// Defines the conversion of the spec and of the status from one version to another. Each names the two fields as its
/// version does.
macro_rules! conversion {
    (
        $spec_fn:ident, $status_fn:ident:
        $from:ident { $selector:ident, $failed:ident } => $to:ident { $to_selector:ident, $to_failed:ident }
    ) => {
        fn $spec_fn(spec: $from::ResourceDistributionSpec) -> $to::ResourceDistributionSpec {
            let $from::ResourceDistributionSpec {
                resource,
                targets,
                unknown,
            } = spec;
            let $from::ResourceDistributionTargets {
                excluded_namespaces,
                all_namespaces,
                included_namespaces,
                $selector,
                unknown: unknown_of_targets,
            } = targets;
            $to::ResourceDistributionSpec {
                resource,
                targets: $to::ResourceDistributionTargets {
                    excluded_namespaces,
                    all_namespaces,
                    included_namespaces,
                    $to_selector: $selector,
                    unknown: unknown_of_targets,
                },
                unknown,
            }
        }

        fn $status_fn(
            status: $from::ResourceDistributionStatus,
        ) -> $to::ResourceDistributionStatus {
            let $from::ResourceDistributionStatus {
                desired,
                succeeded,
                failed,
                observed_generation,
                conditions,
                unknown,
            } = status;
            let conditions = conditions.into_iter().map(|condition| {
                let $from::ResourceDistributionCondition {
                    type_,
                    status,
                    last_transition_time,
                    reason,
                    $failed,
                    unknown,
                } = condition;
                $to::ResourceDistributionCondition {
                    type_,
                    status,
                    last_transition_time,
                    reason,
                    $to_failed: $failed,
                    unknown,
                }
            });
            $to::ResourceDistributionStatus {
                desired,
                succeeded,
                failed,
                observed_generation,
                conditions: conditions.collect(),
                unknown,
            }
        }
    };
}

conversion! {
    spec_to_v1beta1, status_to_v1beta1:
    v1alpha1 { namespace_label_selector, failed_namespace } => v1beta1 { namespace_selector, failed_namespaces }
}
conversion! {
    spec_to_v1alpha1, status_to_v1alpha1:
    v1beta1 { namespace_selector, failed_namespaces } => v1alpha1 { namespace_label_selector, failed_namespace }
}

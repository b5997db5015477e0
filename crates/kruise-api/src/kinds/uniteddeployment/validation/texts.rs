//! Words that admission and the rules in the CRD share.

pub(crate) const ONE_TEMPLATE: &str = "must have exactly one of statefulSetTemplate, advancedStatefulSetTemplate, \
                                       cloneSetTemplate and deploymentTemplate";
pub(crate) const FILLED_IN: &str = "is filled in for each workload";
pub(crate) const PARTITION: &str =
    "is filled in for each workload, from spec.updateStrategy.manualUpdate.partitions";

//! Rules that definitions of workloads have alike. What they refuse, [`crate::validation::workload`] and
//! [`crate::validation::update_order`] refuse as well.

use super::{
    Version,
    rules::{NOT_EMPTY_SELECTOR, Rule},
};
use crate::validation::{update_order, workload};

/// The rule that `spec.replicas` isn't negative.
pub(crate) fn replicas(version: Version) -> Version {
    version.rules(
        "spec.replicas",
        &[Rule::new(
            "self >= 0",
            format!("spec.replicas {}", workload::REPLICAS),
        )],
    )
}

/// The rules that `spec.selector` can be read and selects something.
pub(crate) fn selector(version: Version) -> Version {
    version
        .rules(
            "spec.selector",
            &[Rule::new(
                NOT_EMPTY_SELECTOR,
                format!("spec.selector {}", workload::EMPTY_SELECTOR),
            )],
        )
        .rules(
            "spec.selector.matchExpressions[]",
            &[Rule::new(
                "self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 \
                 : self.operator in ['Exists', 'DoesNotExist'] \
                 && (!has(self.values) || size(self.values) == 0)",
                "must have an operator In or NotIn with values, or Exists or DoesNotExist without",
            )],
        )
}

/// The rules of [`selector`], and the one that `spec.selector` never changes. Absent and empty parts of it count as equal.
pub(crate) fn fixed_selector(version: Version) -> Version {
    let same = |part: &str| {
        format!(
            "(has(self.{part}) && has(oldSelf.{part}) ? self.{part} == oldSelf.{part} \
             : (!has(self.{part}) || size(self.{part}) == 0) \
             && (!has(oldSelf.{part}) || size(oldSelf.{part}) == 0))"
        )
    };
    let rule = format!("{} && {}", same("matchLabels"), same("matchExpressions"));
    let message = format!("spec.selector {}", workload::SELECTOR_CHANGED);
    selector(version.rules("spec.selector", &[Rule::new(rule, message).forbidden()]))
}

/// The rules about the order by weights or labels at this path (inplace-update.md, section 4).
pub(crate) fn priority_strategy(version: Version, path: &str) -> Version {
    version
        .rules(
            path,
            &[Rule::new(
                "!(has(self.weightPriority) && size(self.weightPriority) > 0 \
                 && has(self.orderPriority) && size(self.orderPriority) > 0)",
                update_order::BOTH_PRIORITIES,
            )],
        )
        .rules(
            &format!("{path}.weightPriority[].weight"),
            &[Rule::new(
                format!("self >= 0 && self <= {}", update_order::MAX_WEIGHT),
                update_order::WEIGHT,
            )],
        )
        .rules(
            &format!("{path}.weightPriority[].matchSelector"),
            &[Rule::new(
                "has(self.matchLabels) || has(self.matchExpressions)",
                update_order::MATCH_SELECTOR,
            )],
        )
        .rules(
            &format!("{path}.orderPriority[].orderedKey"),
            &[Rule::new("self != ''", update_order::NOT_EMPTY)],
        )
}

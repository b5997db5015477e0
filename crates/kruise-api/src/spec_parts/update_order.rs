//! The order in which pods are updated.

use crate::meta::LabelSelector;
use crate::wire::wire;

wire! {
    /// Which pods are updated first. Only one of the two forms may be set.
    pub struct UpdatePriorityStrategy {
        /// The weights of all terms that match a pod are added up; higher sums go first.
        optional_list weight_priority: UpdatePriorityWeightTerm,
        /// Pods are ordered by the number at the end of the value of the first of these labels that
        /// they have; higher numbers go first.
        optional_list order_priority: UpdatePriorityOrderTerm,
    }
}

wire! {
    /// A weight for the pods that a selector matches.
    pub struct UpdatePriorityWeightTerm {
        /// From 0 to 100.
        required weight: i32,
        /// Which pods get the weight.
        required match_selector: LabelSelector,
    }
}

wire! {
    /// A label whose value orders pods.
    pub struct UpdatePriorityOrderTerm {
        /// The label's key.
        required ordered_key: String,
    }
}

wire! {
    /// A label with a value whose pods are spread over the order of the update.
    pub struct UpdateScatterTerm {
        /// The label's key.
        required key: String,
        /// The label's value.
        required value: String,
    }
}

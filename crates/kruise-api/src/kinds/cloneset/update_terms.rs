//! The terms of an update. Both versions have them, in different places.

use crate::{
    int_or_string::IntOrString,
    spec_parts::{InPlaceUpdateStrategy, UpdatePriorityStrategy, UpdateScatterTerm},
    wire::wire,
};

wire! {
    /// The terms on which a CloneSet moves pods to a new template: one shape, which v1beta1 has in
    /// `updateStrategy.rollingUpdate` and v1alpha1 in `updateStrategy` itself.
    pub struct CloneSetUpdateTerms {
        /// How many pods keep their old revision: a number, or a percentage of replicas, rounded up.
        /// Defaults to 0.
        optional partition: IntOrString,
        /// How many pods may be unavailable during the update: a number, or a percentage of replicas,
        /// rounded up without maxSurge and down with it. Defaults to 20%.
        optional max_unavailable: IntOrString,
        /// How many pods there may be above replicas during the update: a number, or a percentage of
        /// replicas, rounded up. Defaults to 0.
        optional max_surge: IntOrString,
        /// Whether no further pod is updated. Scaling goes on.
        optional paused: bool,
        /// Which pods are updated first.
        optional priority_strategy: UpdatePriorityStrategy,
        /// Labels whose pods are spread over the order of the update.
        optional_list scatter_strategy: UpdateScatterTerm,
        /// The terms of an update in place.
        optional in_place_update_strategy: InPlaceUpdateStrategy,
    }
}

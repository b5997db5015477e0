//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::spec::{PodUnavailableBudgetStatus, TargetReference};
use crate::{
    custom_object::CustomObject, int_or_string::IntOrString, meta::LabelSelector,
    object::custom_resource, wire::wire,
};

wire! {
    /// Which pods are protected, and how many of them may be unavailable at a time.
    pub struct PodUnavailableBudgetSpec {
        /// Pods of the same namespace that are protected. Either this or targetRef has to be given. It can't be
        /// changed.
        optional selector: LabelSelector,
        /// The workload of the same namespace whose pods are protected. It can't be changed.
        optional target_ref: TargetReference,
        /// How many pods may be unavailable: a number, or a percentage of all, rounded up. Either this or
        /// minAvailable has to be given.
        optional max_unavailable: IntOrString,
        /// How many pods must stay available: a number, or a percentage of all, rounded up.
        optional min_available: IntOrString,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "policy.kruise.io",
    "v1alpha1",
    "PodUnavailableBudget",
    "podunavailablebudgets"
);

/// How many pods of an application may be made unavailable at a time by deletion, eviction and update.
pub type PodUnavailableBudget =
    CustomObject<V1alpha1, PodUnavailableBudgetSpec, PodUnavailableBudgetStatus>;

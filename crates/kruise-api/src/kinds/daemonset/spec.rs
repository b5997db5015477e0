//! Parts of a DaemonSet's spec that are the same in both versions.

use crate::{int_or_string::IntOrString, meta::LabelSelector, open_enum::open_enum, wire::wire};

wire! {
    /// How pods are moved to a new template.
    pub struct DaemonSetUpdateStrategy {
        /// `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the new template.
        #[serde(rename = "type")]
        optional type_: DaemonSetUpdateStrategyType,
        /// The terms of a rolling update.
        optional rolling_update: RollingUpdateDaemonSet,
    }

    /// The terms on which a DaemonSet moves pods to a new template.
    pub struct RollingUpdateDaemonSet {
        /// `Standard` (the default): the pod is deleted and made anew. `InPlaceIfPossible`: it is updated in place where
        /// the difference allows it. v1alpha1 also takes `Surging`: `Standard` with a maxSurge of 1.
        #[serde(rename = "rollingUpdateType")]
        optional type_: RollingUpdateType,
        /// On how many nodes the pod may be unavailable during the update: a number, or a percentage of the nodes that
        /// should run a pod, rounded up. Exactly one of this and maxSurge may be other than 0. Defaults to 1 where
        /// maxSurge is not given either.
        optional max_unavailable: IntOrString,
        /// On how many nodes a new pod may run beside the old one during the update: a number, or a percentage of the
        /// nodes that should run a pod, rounded up. Not with InPlaceIfPossible. Defaults to 0.
        optional max_surge: IntOrString,
        /// Labels of the nodes on which pods are updated. Unset: all nodes.
        optional selector: LabelSelector,
        /// On how many nodes the old pod is kept: a number, or a percentage of the nodes that should run a pod, rounded
        /// down. Defaults to 0.
        optional partition: IntOrString,
        /// Whether no further pod is updated. Pods are still made where one is missing.
        optional paused: bool,
    }
}

open_enum! {
    /// Whether a DaemonSet moves pods to a new template by itself.
    pub enum DaemonSetUpdateStrategyType {
        /// The DaemonSet does, on the terms of `rollingUpdate`.
        RollingUpdate = "RollingUpdate",
        /// The DaemonSet does not. Only pods that are made anew get the new template.
        OnDelete = "OnDelete",
    }
}

open_enum! {
    /// How a pod is moved to a new template.
    pub enum RollingUpdateType {
        /// The pod is deleted, and another is made.
        Standard = "Standard",
        /// In place where the difference allows it, otherwise as with `Standard`.
        InPlaceIfPossible = "InPlaceIfPossible",
        /// Another pod is made first. Only v1alpha1 has this word; it is stored as `Standard`.
        Surging = "Surging",
    }
}

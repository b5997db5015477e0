//! Parts of a StatefulSet's spec that are the same in both versions, and those that only v1beta1 has.

use crate::{
    int_or_string::IntOrString,
    open_enum::open_enum,
    spec_parts::{InPlaceUpdateStrategy, UpdatePriorityStrategy},
    wire::wire,
};

wire! {
    /// How pods are moved to a new template.
    pub struct StatefulSetUpdateStrategy {
        /// `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the new template.
        #[serde(rename = "type")]
        omitempty type_: StatefulSetUpdateStrategyType,
        /// The terms of a rolling update. Not with OnDelete.
        optional rolling_update: RollingUpdateStatefulSetStrategy,
    }

    /// The terms on which a StatefulSet moves pods to a new template.
    pub struct RollingUpdateStatefulSetStrategy {
        /// How many pods keep their old revision: those of the lowest ordinals, or, with unorderedUpdate, those that come
        /// last. Defaults to 0.
        optional partition: i32,
        /// How many pods may be unavailable during the update: a number, or a percentage of replicas, rounded down, and at
        /// least 1. Other than 1 only where podManagementPolicy is Parallel. Defaults to 1.
        optional max_unavailable: IntOrString,
        /// `ReCreate` (the default): the pod is deleted and made anew. `InPlaceIfPossible`: it is updated in place where
        /// the difference allows it. `InPlaceOnly`: in place or not at all. The latter two need the readiness gate
        /// InPlaceUpdateReady in the template.
        omitempty pod_update_policy: StatefulSetPodUpdatePolicy,
        /// Whether no further pod is updated. Scaling goes on.
        omitempty paused: bool,
        /// Another order of the update than from the highest ordinal to the lowest. Only where podManagementPolicy is
        /// Parallel.
        optional unordered_update: UnorderedUpdateStrategy,
        /// The terms of an update in place. Only gracePeriodSeconds has an effect; how images are pulled ahead is said in
        /// annotations.
        optional in_place_update_strategy: InPlaceUpdateStrategy,
        /// Seconds that a pod must be ready before it counts as available, from 0 to 300. Defaults to 0.
        optional min_ready_seconds: i32,
    }

    /// An order of the update.
    pub struct UnorderedUpdateStrategy {
        /// Which pods are updated first.
        optional priority_strategy: UpdatePriorityStrategy,
    }

    /// How pods are added.
    pub struct StatefulSetScaleStrategy {
        /// From how many unavailable pods on no further pod is made, and no further failed pod replaced: a number, or a
        /// percentage of replicas, rounded down, and at least 1. Other than 1 only where podManagementPolicy is Parallel.
        /// Unset: no limit. Taking pods away is not limited.
        optional max_unavailable: IntOrString,
    }

    /// Which numbers pods have.
    pub struct StatefulSetOrdinals {
        /// Number of the first pod. Defaults to 0.
        written start: i32,
    }

    /// What becomes of claims that no pod needs any longer.
    pub struct StatefulSetPersistentVolumeClaimRetentionPolicy {
        /// When the StatefulSet is deleted: `Retain` (the default) keeps the claims, `Delete` deletes them.
        omitempty when_deleted: PersistentVolumeClaimRetentionPolicyType,
        /// When pods are taken away: `Retain` (the default) keeps their claims, `Delete` deletes them.
        omitempty when_scaled: PersistentVolumeClaimRetentionPolicyType,
    }

    /// How a change of the claim templates reaches claims that there are.
    pub struct VolumeClaimUpdateStrategy {
        /// `OnDelete` (the default): a claim is changed when it is made anew. `OnPodRollingUpdate`: claims grow while their
        /// pods are updated.
        #[serde(rename = "type")]
        omitempty type_: VolumeClaimUpdateStrategyType,
    }
}

open_enum! {
    /// Whether pods wait for each other.
    pub enum PodManagementPolicyType {
        /// Each pod waits until all of lower ordinals are ready.
        OrderedReady = "OrderedReady",
        /// No pod waits.
        Parallel = "Parallel",
    }
}

open_enum! {
    /// Whether a StatefulSet moves pods to a new template by itself.
    pub enum StatefulSetUpdateStrategyType {
        /// The StatefulSet does, on the terms of `rollingUpdate`.
        RollingUpdate = "RollingUpdate",
        /// The StatefulSet does not. Only pods that are made anew get the new template.
        OnDelete = "OnDelete",
    }
}

open_enum! {
    /// How a pod is moved to a new template.
    pub enum StatefulSetPodUpdatePolicy {
        /// The pod is deleted, and another is made.
        ReCreate = "ReCreate",
        /// In place where the difference allows it, otherwise as with `ReCreate`.
        InPlaceIfPossible = "InPlaceIfPossible",
        /// In place, or not at all.
        InPlaceOnly = "InPlaceOnly",
    }
}

open_enum! {
    /// What becomes of claims.
    pub enum PersistentVolumeClaimRetentionPolicyType {
        /// They are kept.
        Retain = "Retain",
        /// They are deleted.
        Delete = "Delete",
    }
}

open_enum! {
    /// When claims follow their templates.
    pub enum VolumeClaimUpdateStrategyType {
        /// When they are made anew.
        OnDelete = "OnDelete",
        /// While their pods are updated.
        OnPodRollingUpdate = "OnPodRollingUpdate",
    }
}

impl StatefulSetUpdateStrategyType {
    /// Whether the StatefulSet moves pods by itself, which it does by default.
    #[must_use]
    pub fn is_rolling(&self) -> bool {
        *self == Self::RollingUpdate || self.as_str().is_empty()
    }
}

impl StatefulSetPodUpdatePolicy {
    /// Whether pods are updated in place where that is possible.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        matches!(self, Self::InPlaceIfPossible | Self::InPlaceOnly)
    }
}

//! Version v1beta1: what the API server stores and controllers speak.

pub use crate::{
    kinds::cloneset::{
        update_terms::CloneSetUpdateTerms,
        v1beta1::{
            CLONESETS, CloneSet, CloneSetCondition, CloneSetScaleStrategy, CloneSetSpec,
            CloneSetStatus, CloneSetUpdateStrategy, CloneSetUpdateStrategyType, PodUpdatePolicy,
            RollingUpdateCloneSetStrategy,
        },
    },
    spec_parts::{
        InPlaceUpdateStrategy, Lifecycle, LifecycleHook, UpdatePriorityOrderTerm,
        UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
    },
};

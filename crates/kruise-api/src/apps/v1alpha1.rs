//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission
//! reads it.

mod cloneset;

pub use cloneset::{
    CloneSet, CloneSetScaleStrategy, CloneSetSpec, CloneSetUpdateStrategy,
    CloneSetUpdateStrategyType,
};

pub use super::{
    common::{
        CloneSetUpdateTerms, InPlaceUpdateStrategy, Lifecycle, LifecycleHook,
        UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm,
        UpdateScatterTerm,
    },
    v1beta1::{CloneSetCondition, CloneSetStatus},
};

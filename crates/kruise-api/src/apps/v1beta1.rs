//! Version v1beta1: what the API server stores and controllers speak.

mod cloneset;
mod cloneset_status;

pub use cloneset::{
    CloneSet, CloneSetScaleStrategy, CloneSetSpec, CloneSetUpdateStrategy,
    CloneSetUpdateStrategyType, PodUpdatePolicy, RollingUpdateCloneSetStrategy,
};
pub use cloneset_status::{CloneSetCondition, CloneSetStatus};

pub use super::common::{
    CloneSetUpdateTerms, InPlaceUpdateStrategy, Lifecycle, LifecycleHook, UpdatePriorityOrderTerm,
    UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
};

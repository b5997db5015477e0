//! Parts that several kinds have, the same in every version.

mod cloneset_spec;
mod in_place_update;
mod lifecycle;
mod update_order;
mod update_terms;

pub use cloneset_spec::CloneSetSpec;
pub use in_place_update::InPlaceUpdateStrategy;
pub use lifecycle::{Lifecycle, LifecycleHook};
pub use update_order::{
    UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
};
pub use update_terms::CloneSetUpdateTerms;

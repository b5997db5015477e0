//! Parts of specs that several kinds share, the same in every version. They are public under the names of
//! the wire, as in [`crate::apps`].

mod in_place_update;
mod lifecycle;
mod update_order;

pub use in_place_update::InPlaceUpdateStrategy;
pub use lifecycle::{Lifecycle, LifecycleHook};
pub use update_order::{
    UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
};

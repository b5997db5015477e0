//! Projections of objects that other deployables, or Kubernetes, own: what is read of them, and no more. They are never
//! written back, so that the fields that they leave out survive.
//!
//! A kind that a deployable of ours writes has a room of its own in [`crate::kinds`] instead. The pod is
//! none of these: it is what every library here is about, and stands beside them as [`crate::pod`].
//!
//! [`Stored`] is the form in which a controller keeps what it owns itself, and [`ControllerRevision`] that of the
//! history of what it owns: both are changed by patches alone.

mod configuration;
mod controller_revision;
mod metadata;
mod node;
mod pod_unavailable_budget;
mod stored;

pub use configuration::Configuration;
pub use controller_revision::{ControllerRevision, RevisionData};
pub use metadata::{Kept, OnTheWire};
pub use node::{Node, NodeSpec, NodeStatus, Taint};
pub use pod_unavailable_budget::{
    POD_UNAVAILABLE_BUDGETS, PodUnavailableBudget, PodUnavailableBudgetSpec,
    PodUnavailableBudgetStatus,
};
pub use stored::Stored;

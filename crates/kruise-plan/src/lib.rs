//! What planners of workloads that own pods are made of: what they say (writes, events, reasons for waiting), what they
//! remember, and the rules that several kinds share.
//!
//! Everything here is pure: no client, async runtime, clock or randomness. A function takes an owner, a list of
//! pods or a selector, never a snapshot of one kind.

pub mod check;
pub mod conditions;
pub mod event;
pub mod lines;
pub mod node_fit;
pub mod notes;
pub mod owned_pods;
pub mod owner;
pub mod pod_writes;
pub mod refused;
pub mod stage;
pub mod suffix;
pub mod wait;
pub mod waiting;
pub mod workload;

pub use event::Event;
pub use notes::{Notes, Turn};
pub use owned_pods::OwnedPods;
pub use owner::Owner;
pub use pod_writes::{InPlaceUpdate, PodPatch, PodRef};
pub use wait::WaitReason;

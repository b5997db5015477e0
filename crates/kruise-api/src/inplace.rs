//! Update of a pod in place: the library that all workloads share.
//!
//! What a workload does:
//!
//! 1. It asks [`calculate()`] whether one revision can become another in place.
//! 2. It marks the pod not ready with [`not_ready_patch`], if the pod [must be](must_become_unready).
//! 3. It begins the update with the writes of [`start()`].
//! 4. It calls [`refresh()`] whenever the pod has changed. The answer is the write that is due next, until
//!    the update is complete.
//!
//! [`lifecycle`] moves pods between the states in which hooks hold them.
//!
//! Everything here decides, and nothing here writes. The answers are strategic merge patches. Each carries
//! the pod's UID and, if it depends on what was read, the pod's resourceVersion. So a patch that was made
//! from an old view is refused instead of doing harm. Where several patches are due for one pod, they are
//! sent in order, and each follows the version that the one before returned.

mod base64;
mod batch;
mod calculate;
mod completion;
mod conditions;
mod daemon;
mod difference;
mod grace;
mod hashes;
pub mod lifecycle;
mod metadata;
mod not_ready_keys;
mod options;
mod patch;
mod pending;
mod refresh;
mod resources;
mod restart;
mod start;
pub mod state;
mod template;
mod update;

pub use calculate::{calculate, claim_templates_object, only_images_differ};
pub use completion::{Completion, completion};
pub use daemon::{DaemonReport, daemon_report};
pub use options::{Options, has_resize_subresource};
pub use patch::PodWrite;
pub use refresh::{Refresh, RefreshInput, refresh};
pub use resources::Resources;
pub use start::{Start, StartWrites, Workload, must_become_unready, not_ready_patch, start};
pub use state::{InPlaceUpdateGrace, InPlaceUpdateState, RefMetadata};
pub use update::{NotInPlace, Update};

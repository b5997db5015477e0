//! Finds the workload behind a reference, and the pods behind a workload (PF-930, PB-20 to PB-25), for all who ask:
//! PodUnavailableBudget, WorkloadSpread, PersistentPodState.
//!
//! * [`Finder`] answers: [`Finder::find`] which workload a reference means, [`Finder::pods_of`] which pods a `targetRef`
//!   has, [`Finder::covered`] which pods a budget covers and how many there should be.
//! * [`WorkloadWatches`] is what a process asks for while it is set up: one watch for each kind that it names, and for
//!   the white list. Nothing is watched for anybody who doesn't ask. The deployable's table in `xtask` takes the rights
//!   for that from `workload_finder`, beside it.
//! * The rules know nothing of the API server: they ask [`LookUps`], which a test answers from a table.
//!
//! A kind of which the API server knows nothing is no error where it is one of [`IndexedKind`]: CloneSet and Advanced
//! StatefulSet may be installed later, without a restart.

mod covered;
mod error;
mod finder;
mod indexed;
mod live;
mod look_ups;
mod pods;
mod reference;
mod rules;
mod search;
mod watches;
mod workload;

pub use covered::{Claim, Covered};
pub use error::{Cause, FindError};
pub use finder::Finder;
pub use indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload};
pub use look_ups::{Existing, LookUps, Scale};
pub use pods::{ActivePods, PodIndex, TargetPods};
pub use reference::{Reference, Target};
pub use watches::WorkloadWatches;
pub use workload::{Replicas, Workload};

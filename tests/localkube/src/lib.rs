//! What the project's tools and tests stand on: a real multi-node Kubernetes on this machine, OCI images
//! without Docker, overlays on a cluster, and what commands need besides: progress, processes, clean-ups.
//!
//! It knows nothing of any kind of object that the project serves, and none of the project's crates: a
//! change of those doesn't build it anew.

pub mod audit;
pub mod cache;
pub mod cluster;
pub mod deploy;
pub mod image;
pub mod install;
pub mod interrupt;
pub mod made;
pub mod object_watch;
mod oci;
pub mod own_cluster;
pub mod pod_writes;
pub mod process;
pub mod progress;
pub mod times;
pub mod workspace;

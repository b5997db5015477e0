//! What a pod's annotations record of the SidecarSets that injected its containers: who they are, in which version, which
//! of two twins works, and what was updated last. The pod webhook writes it first, the controller goes on with it.
//!
//! All of this is text to text. Running installations have such annotations on their pods, and others read them, so the order
//! of members and what is left out must stay as they are.

mod hashes;
mod in_place;
mod injected;
mod json;
mod twins;

pub use hashes::{HashRecord, SidecarSetUpgradeSpec};
pub use in_place::{InPlaceRecord, LastContainerStatus, SidecarSetInPlaceUpdate};
pub use injected::{injected, injected_with, sidecar_list};
pub use json::RecordError;
pub use twins::{Twin, TwinState, WorkingRecord, has_twins, twin_to_update};

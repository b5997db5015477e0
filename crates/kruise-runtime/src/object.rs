//! What the store must know of a kind's projection.

use kruise_api::{apps::v1beta1::CloneSet, meta::ObjectMeta, pod::Pod, read::PodUnavailableBudget};
use serde::de::DeserializeOwned;

/// A slim projection of a kind, decoded straight from the wire and never written back.
pub trait Object: DeserializeOwned + PartialEq + Send + Sync + 'static {
    /// The object's metadata.
    fn meta(&self) -> &ObjectMeta;
}

impl Object for Pod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Object for CloneSet {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Object for PodUnavailableBudget {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The version as a number, which is how versions of one resource compare. The API server promises
/// that they are numbers; what isn't counts as the oldest.
pub(crate) fn version_number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

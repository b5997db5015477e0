//! The object that another object is about.

use crate::wire::wire;

wire! {
    /// A workload of the same namespace.
    pub struct TargetReference {
        /// Group and version of the workload.
        required api_version: String,
        /// Kind of the workload.
        required kind: String,
        /// Name of the workload.
        required name: String,
    }
}

impl TargetReference {
    /// Group of the workload; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        let group = self.api_version.rsplit_once('/');
        group.map(|(group, _)| group).unwrap_or_default()
    }

    /// Whether both name the same workload. The version plays no role.
    #[must_use]
    pub fn is_same_workload(&self, other: &Self) -> bool {
        self.group() == other.group() && self.kind == other.kind && self.name == other.name
    }
}

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

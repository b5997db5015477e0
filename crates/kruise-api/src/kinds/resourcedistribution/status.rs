//! Words of a ResourceDistribution's status, the same in both versions.

use crate::open_enum::open_enum;

open_enum! {
    /// What can go wrong in a namespace.
    pub enum ResourceDistributionConditionType {
        /// The object could not be read.
        GetResourceFailed = "GetResourceFailed",
        /// The copy could not be created.
        CreateResourceFailed = "CreateResourceFailed",
        /// The copy could not be updated.
        UpdateResourceFailed = "UpdateResourceFailed",
        /// The copy could not be deleted in a namespace that is no target any more.
        DeleteResourceFailed = "DeleteResourceFailed",
        /// Another object of this kind and name is there.
        ConflictOccurred = "ConflictOccurred",
        /// The namespace does not exist, or is being deleted.
        NamespaceNotExists = "NamespaceNotExists",
    }
}

//! Words that admission and the rules in the CRD share.

pub(super) const NO_TOPOLOGY: &str =
    "must have requiredPersistentTopology or preferredPersistentTopology";
pub(super) const TARGET_CHANGED: &str = "can't be changed";

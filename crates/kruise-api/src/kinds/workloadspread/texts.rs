//! Words that admission and the rules in the CRD share.

pub(super) const TARGET_CHANGED: &str = "group, kind and name can't be changed";
pub(super) const NO_SUBSETS: &str = "must have at least one subset";
pub(super) const NO_NAME: &str = "must not be empty";
pub(super) const NOT_ADAPTIVE: &str = "must be Adaptive when adaptive is given";

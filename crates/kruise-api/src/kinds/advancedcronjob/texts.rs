//! Words that admission and the rules in the CRD share.

pub(super) const NO_SCHEDULE: &str = "must be given";

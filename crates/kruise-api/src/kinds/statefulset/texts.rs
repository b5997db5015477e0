//! Words that admission and the rules in the CRD share.

pub(super) const MANAGEMENT_POLICIES: [&str; 2] = ["OrderedReady", "Parallel"];
pub(super) const MANAGEMENT_POLICY: &str = "must be OrderedReady or Parallel";
pub(super) const TYPES: [&str; 2] = ["RollingUpdate", "OnDelete"];
pub(super) const TYPE: &str = "must be RollingUpdate or OnDelete";
pub(super) const POLICIES: [&str; 3] = ["ReCreate", "InPlaceIfPossible", "InPlaceOnly"];
pub(super) const POLICY: &str = "must be ReCreate, InPlaceIfPossible or InPlaceOnly";
pub(super) const RETENTIONS: [&str; 2] = ["Retain", "Delete"];
pub(super) const RETENTION: &str = "must be Retain or Delete";
pub(super) const ON_DELETE: &str = "must not be given when type is OnDelete";
pub(super) const MAX_UNAVAILABLE: &str =
    "must be an integer that is at least 1, or a percentage above 0% such as \"20%\"";
pub(super) const MIN_READY: &str = "must be between 0 and 300";
pub(super) const MAX_MIN_READY_SECONDS: i32 = 300;
pub(super) const FIXED: &str = "serviceName and podManagementPolicy can't be changed";

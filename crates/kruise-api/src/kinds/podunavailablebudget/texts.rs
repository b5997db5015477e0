//! Words that admission and the rules in the CRD share.

pub(super) const ONE_SUBJECT: &str = "must have selector or targetRef, not both";
pub(super) const ONE_LIMIT: &str = "must have maxUnavailable or minAvailable, not both";
pub(super) const SUBJECT_CHANGED: &str = "selector and targetRef cannot be modified";
pub(super) const TARGET: &str = "must have apiVersion, kind and name";
pub(super) const GROUP_VERSION: &str = "apiVersion must be a group and version, such as apps/v1";
pub(super) const LIMIT: &str =
    "must be an integer that is not negative, or a percentage from 0% to 100%";

//! Words that admission and the rules in the CRD share.

pub(super) const TYPES: [&str; 2] = ["RollingUpdate", "OnDelete"];
pub(super) const TYPE: &str = "must be RollingUpdate or OnDelete";
pub(super) const IN_PLACE_HOOK: &str =
    "a DaemonSet has no hook for updates in place; its hook is preDelete";

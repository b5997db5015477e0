//! Words that admission and the rules in the CRD share.

pub(super) const KINDS: [&str; 2] = ["Secret", "ConfigMap"];
pub(super) const KIND: &str = "must be a Secret or a ConfigMap of apiVersion v1";
pub(super) const IMMUTABLE: &str = "resource apiVersion, kind, and name are immutable";

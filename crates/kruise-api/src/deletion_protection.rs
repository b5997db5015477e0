//! Deletion protection: whether an object's label keeps it from being deleted (DP-10 to DP-13).
//!
//! Callers ask first whether feature gate `ResourcesDeletionProtection` is on.

use crate::{
    meta::ObjectMeta,
    well_known::{
        delete_protection::{ALWAYS, CASCADING},
        labels::DELETE_PROTECTION,
    },
};

/// Why a workload with this many replicas can't be deleted, in the words that clients see; `None` if it
/// can. The wanted replicas count, not the pods that exist (DP-12).
#[must_use]
pub fn of_workload(metadata: &ObjectMeta, replicas: Option<i32>) -> Option<String> {
    if metadata.is_terminating() {
        return None;
    }
    let refused = format!("forbidden by ResourcesProtectionDeletion for {DELETE_PROTECTION}");
    match (metadata.labels.get(DELETE_PROTECTION)?.as_str(), replicas) {
        (ALWAYS, _) => Some(format!("{refused}={ALWAYS}")),
        (CASCADING, Some(replicas)) if replicas > 0 => {
            Some(format!("{refused}={CASCADING} and replicas {replicas}>0"))
        }
        _ => None,
    }
}

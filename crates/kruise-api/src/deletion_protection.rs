//! Deletion protection: whether an object's label keeps it from being deleted, and the words in which clients are told
//! (DP-10 to DP-13). What counts as something active below an object is the business of who protects its kind.
//!
//! Callers ask first whether feature gate `ResourcesDeletionProtection` is on.

use std::fmt;

use crate::{
    meta::ObjectMeta,
    well_known::{
        delete_protection::{ALWAYS, CASCADING},
        labels::DELETE_PROTECTION,
    },
};

/// What an object's label asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// The object can't be deleted.
    Always,
    /// The object can't be deleted while it has something active below it.
    Cascading,
}

impl Protection {
    /// How an object is protected. `None`: by nothing, since it has no such label, or one with a value that asks for
    /// nothing, or since its deletion was asked for already (DP-10).
    #[must_use]
    pub fn of(metadata: &ObjectMeta) -> Option<Self> {
        if metadata.is_terminating() {
            return None;
        }
        match metadata.labels.get(DELETE_PROTECTION)?.as_str() {
            ALWAYS => Some(Self::Always),
            CASCADING => Some(Self::Cascading),
            _ => None,
        }
    }
}

/// The refusal of whoever would delete an object that is always protected.
#[must_use]
pub fn always() -> String {
    refused(format_args!("{DELETE_PROTECTION}={ALWAYS}"))
}

/// The refusal for what is active below an object: so many of this, such as `replicas`.
#[must_use]
pub fn cascading(what: &str, count: impl fmt::Display) -> String {
    refused(format_args!(
        "{DELETE_PROTECTION}={CASCADING} and {what} {count}>0"
    ))
}

/// A refusal for any reason. The name of the feature gate has these words in another order.
#[must_use]
pub fn refused(why: impl fmt::Display) -> String {
    format!("forbidden by ResourcesProtectionDeletion for {why}")
}

/// Why a workload with this many replicas can't be deleted, in the words that clients see; `None` if it
/// can. The wanted replicas count, not the pods that exist (DP-12).
#[must_use]
pub fn of_workload(metadata: &ObjectMeta, replicas: Option<i32>) -> Option<String> {
    match (Protection::of(metadata)?, replicas) {
        (Protection::Always, _) => Some(always()),
        (Protection::Cascading, Some(replicas)) if replicas > 0 => {
            Some(cascading("replicas", replicas))
        }
        (Protection::Cascading, _) => None,
    }
}

//! What counts of a pod that somebody wants to make unavailable.

use super::{Free, is_consistent, is_ready};
use crate::{
    inplace, meta::ObjectMeta, pod::Pod, text_map::TextMap, well_known::annotations::PUB_NO_PROTECT,
};

/// The pod that an operation is about, as far as a decision depends on it (PB-38). Who keeps many pods in memory keeps
/// no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked<'a> {
    /// Name of the pod.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a TextMap,
    /// Whether an annotation takes it out of every budget ([`says_no_protect`]).
    pub no_protect: bool,
    /// Whether it serves ([`is_ready`]).
    pub is_ready: bool,
    /// Whether it is known to run what its spec says ([`is_consistent`]).
    pub is_consistent: bool,
}

impl<'a> Checked<'a> {
    /// What counts of this pod.
    #[must_use]
    pub fn of(pod: &'a Pod, options: &inplace::Options) -> Self {
        Self {
            name: &pod.metadata.name,
            labels: &pod.metadata.labels,
            no_protect: says_no_protect(&pod.metadata),
            is_ready: is_ready(pod),
            is_consistent: is_consistent(pod, options),
        }
    }

    /// Why every operation on the pod is free, whatever a budget says (PB-38.1, PB-38.2).
    #[must_use]
    pub fn why_free(&self) -> Option<Free> {
        if self.no_protect {
            Some(Free::NotProtected)
        } else if !self.is_ready {
            Some(Free::NotReady)
        } else if !self.is_consistent {
            Some(Free::NotConsistent)
        } else {
            None
        }
    }
}

/// Whether an annotation takes the pod out of every budget (PB-38.1).
#[must_use]
pub fn says_no_protect(pod: &ObjectMeta) -> bool {
    let value = pod.annotations.get(PUB_NO_PROTECT);
    value.is_some_and(|value| TRUE.contains(&value.as_str()))
}

/// What counts as true. Nothing else does.
const TRUE: [&str; 6] = ["1", "t", "T", "true", "TRUE", "True"];

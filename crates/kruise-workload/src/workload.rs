//! What is found.

use std::sync::Arc;

use kruise_api::{selector::Selector, text_map::TextMap};

use crate::reference::Target;

/// A workload.
#[derive(Clone, PartialEq, Debug)]
pub struct Workload {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// How many pods it wants.
    pub replicas: Replicas,
    /// Its selector, where it is known: from the spec of Deployments, StatefulSets and CloneSets, or from the scale
    /// subresource. An empty selector of the latter is none (DV-PB4).
    pub selector: Option<Arc<Selector>>,
    /// Whether it is being deleted. Always false of a kind of others, where that is not looked at (PB-25).
    pub deleting: bool,
    /// Labels of its pod template: those of Deployments, StatefulSets and CloneSets. Empty where they aren't known.
    pub template_labels: TextMap,
}

impl Workload {
    /// Whether this is what is targeted in its namespace: by group, kind and name (PB-17, PB-51).
    #[must_use]
    pub fn is_target<'a>(&self, target: impl Into<Target<'a>>) -> bool {
        let target = target.into();
        self.group == target.group() && self.kind == target.kind && self.name == target.name
    }
}

/// How many pods a workload wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replicas {
    /// So many.
    Known(i32),
    /// Its kind has no scale subresource (PB-23).
    Unknown,
}

impl Replicas {
    /// As a number that is added up and shown; unknown is -1 (PB-23).
    #[must_use]
    pub fn count(self) -> i32 {
        match self {
            Self::Known(count) => count,
            Self::Unknown => -1,
        }
    }
}

//! What a process remembers of a SidecarSet. Losing it loses nothing but time, and tells some events again.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::meta::Time;
use kruise_plan::WaitReason;

use crate::facts::KnownPods;

/// What a process remembers of a SidecarSet between two passes.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
    /// What is known of the pods.
    pub pods: Arc<KnownPods>,
    /// What holds back, and what was told of it.
    pub held: Held,
    /// Pods that people were told can't be updated, by UID, of those that still can't.
    pub not_upgradable: BTreeSet<String>,
    /// Pods that people were told lack the SidecarSet, by namespace and name, of those that still do.
    pub lacking: BTreeSet<String>,
}

/// What holds a SidecarSet back, as people are told of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    /// The reason that came first in the last plan, and since when it has.
    pub first: Option<(WaitReason, Time)>,
    /// What was told, in the words in which it was told, since nothing held back.
    pub told: BTreeSet<String>,
}

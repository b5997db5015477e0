//! A pod as it is kept here. All pods of the cluster are watched, since a selector decides which are a budget's. So of
//! each pod no more is kept than identity, labels, owners, its link and three facts. What the facts follow from, its
//! containers and their statuses, is read once, while the pod is decoded.

use kruise_api::{
    budget::{Checked, is_consistent, is_ready, related_in, says_no_protect},
    inplace,
    meta::ObjectMeta,
    object::Object,
    pod::Pod,
    text_map::TextMap,
    well_known::annotations::{PUB_NO_PROTECT, RELATED_PUB, RELATED_PUB_LEGACY},
};
use serde::{Deserialize, Deserializer};

/// A pod, as far as budgets are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BudgetPod {
    /// Identity, labels, owners, and the annotations that are about budgets.
    pub metadata: ObjectMeta,
    /// Whether it is neither finished nor being deleted (PB-20).
    pub is_active: bool,
    /// Whether it serves (PB-29).
    pub is_ready: bool,
    consistency: Consistency,
}

/// Whether the pod is known to run what its spec says (PB-30). The answer depends on a feature gate, which who decodes a
/// pod does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Consistency {
    without_resources: bool,
    with_resources: bool,
}

/// The annotations that are read after decoding.
const KEPT: [&str; 3] = [RELATED_PUB, RELATED_PUB_LEGACY, PUB_NO_PROTECT];

impl BudgetPod {
    /// What is kept of this pod.
    #[must_use]
    pub fn of(pod: Pod) -> Self {
        let consistent = |vertical_scaling| {
            let options = inplace::Options {
                vertical_scaling,
                ..inplace::Options::default()
            };
            is_consistent(&pod, &options)
        };
        let without_resources = consistent(false);
        let consistency = Consistency {
            without_resources,
            // Resources are asked for besides all else (IP-52).
            with_resources: without_resources && consistent(true),
        };
        let (is_active, is_ready) = (pod.is_active(), is_ready(&pod));
        let annotations = &pod.metadata.annotations;
        let kept: TextMap = KEPT
            .into_iter()
            .filter_map(|key| Some((key, annotations.get(key)?.clone())))
            .collect();
        Self {
            metadata: ObjectMeta {
                annotations: kept,
                finalizers: Vec::new(),
                ..pod.metadata
            },
            is_active,
            is_ready,
            consistency,
        }
    }

    /// Whether it is known to run what its spec says (PB-30). `vertical_scaling` is the gate's value.
    #[must_use]
    pub fn is_consistent(&self, vertical_scaling: bool) -> bool {
        if vertical_scaling {
            self.consistency.with_resources
        } else {
            self.consistency.without_resources
        }
    }

    /// Whether it serves what its spec says. When that changes, its budget changes (PB-51).
    #[must_use]
    pub fn is_in_service(&self, vertical_scaling: bool) -> bool {
        self.is_ready && self.is_consistent(vertical_scaling)
    }

    /// What a decision reads of it.
    #[must_use]
    pub fn checked(&self, vertical_scaling: bool) -> Checked<'_> {
        Checked {
            name: &self.metadata.name,
            labels: &self.metadata.labels,
            no_protect: says_no_protect(&self.metadata),
            is_ready: self.is_ready,
            is_consistent: self.is_consistent(vertical_scaling),
        }
    }

    /// Name of the budget that it is linked to (PB-19).
    #[must_use]
    pub fn budget(&self) -> Option<&str> {
        related_in(&self.metadata)
    }

    /// Whether it has either annotation, also an empty one: then the reconciler leaves it alone (PB-18).
    #[must_use]
    pub fn has_link(&self) -> bool {
        let annotations = &self.metadata.annotations;
        [RELATED_PUB, RELATED_PUB_LEGACY]
            .into_iter()
            .any(|key| annotations.contains_key(key))
    }
}

impl Object for BudgetPod {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de> Deserialize<'de> for BudgetPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pod::deserialize(deserializer).map(Self::of)
    }
}

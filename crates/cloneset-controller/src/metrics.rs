//! Metrics of CloneSets, by the names that OpenKruise gave them.

use kruise_runtime::{ObjectKey, PlainCounter};
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family, registry::Registry};

/// Labels of metrics of one CloneSet.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SetLabels {
    namespace: String,
    name: String,
}

/// Metrics of CloneSets. Clones share the values.
#[derive(Clone, Default)]
pub(crate) struct Metrics {
    leakage: Family<SetLabels, PlainCounter>,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "cloneset_scale_expectation_leakage",
            "Passes put off for a write that was not seen within --expectation-timeout (CS-41)",
            metrics.leakage.clone(),
        );
        metrics
    }

    /// A write of ours is overdue: the pass is put off once more.
    pub(crate) fn write_is_overdue(&self, set: &ObjectKey) {
        self.leakage.get_or_create_owned(&labels(set)).inc();
    }

    /// A CloneSet is gone.
    pub(crate) fn forget(&self, set: &ObjectKey) {
        self.leakage.remove(&labels(set));
    }
}

fn labels(set: &ObjectKey) -> SetLabels {
    SetLabels {
        namespace: set.namespace.clone(),
        name: set.name.clone(),
    }
}

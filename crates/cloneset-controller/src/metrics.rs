//! Metrics of CloneSets, by the names that OpenKruise gave them.

use kruise_api::{budget::Subject, resource::ObjectKey};
use kruise_runtime::{PlainCounter, ProtectionLabels};
use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family, registry::Registry};

/// Labels of metrics of one CloneSet.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SetLabels {
    namespace: String,
    name: String,
}

/// Who asks budgets for its pods, as metrics know it (PB-60).
pub(crate) const BUDGET_USER: &str = "kruise-manager";

/// Metrics of CloneSets. Clones share the values.
#[derive(Clone)]
pub(crate) struct Metrics {
    leakage: Family<SetLabels, PlainCounter>,
    runtime: kruise_runtime::Metrics,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry, runtime: kruise_runtime::Metrics) -> Self {
        let metrics = Self {
            leakage: Family::default(),
            runtime,
        };
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

    /// A budget has refused an update (PB-60).
    pub(crate) fn budget_refused(&self, subject: &Subject) {
        let labels = ProtectionLabels {
            kind_namespace_name: subject.to_string(),
            username: BUDGET_USER.to_owned(),
        };
        self.runtime
            .pod_unavailable_budget
            .get_or_create(&labels)
            .inc();
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

//! Metrics of refused deletions, by the names that OpenKruise gave them (DP-23).

use kruise_runtime::{ProtectionCounters, RefusalLabels, webhook::RefusedDeletion};
use prometheus_client::{encoding::EncodeLabelSet, registry::Registry};

use crate::protected::ProtectedKind;

/// Labels of metrics about objects that live in no namespace.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct NameLabels {
    /// Name of the object.
    pub name: String,
    /// Who was refused.
    pub username: String,
}

impl RefusalLabels for NameLabels {
    fn object(&self) -> &str {
        &self.name
    }
}

/// Metrics of refused deletions. Clones share the values.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// `namespace_deletion_protection`
    pub namespaces: ProtectionCounters<NameLabels>,
    /// `crd_deletion_protection`
    pub definitions: ProtectionCounters<NameLabels>,
    /// Those of the runtime, which have `workload_deletion_protection`.
    pub runtime: kruise_runtime::Metrics,
}

impl Metrics {
    /// Makes the metrics and registers them.
    #[must_use]
    pub fn new(registry: &mut Registry, runtime: kruise_runtime::Metrics) -> Self {
        let metrics = Self {
            namespaces: ProtectionCounters::default(),
            definitions: ProtectionCounters::default(),
            runtime,
        };
        registry.register(
            "namespace_deletion_protection",
            "Deletions of Namespaces that were refused",
            metrics.namespaces.series(),
        );
        registry.register(
            "crd_deletion_protection",
            "Deletions of CustomResourceDefinitions that were refused",
            metrics.definitions.series(),
        );
        metrics
    }

    /// Counts a refused deletion, of the kinds that have a metric (DP-24).
    pub(crate) fn count(&self, kind: ProtectedKind, refused: &RefusedDeletion<'_>) {
        let by_name = |counters: &ProtectionCounters<NameLabels>| {
            let labels = NameLabels {
                name: refused.name.to_string(),
                username: refused.username.to_owned(),
            };
            counters.get_or_create(&labels).inc();
        };
        match kind {
            ProtectedKind::Namespace => by_name(&self.namespaces),
            ProtectedKind::CustomResourceDefinition => by_name(&self.definitions),
            ProtectedKind::Deployment | ProtectedKind::ReplicaSet | ProtectedKind::StatefulSet => {
                refused.count_workload(&self.runtime);
            }
            ProtectedKind::Service | ProtectedKind::Ingress => {}
        }
    }
}

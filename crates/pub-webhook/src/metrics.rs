//! Metrics, by the names that OpenKruise gave them.

use kruise_api::budget::Subject;
use kruise_runtime::ProtectionLabels;

/// Counts refusals. Clones share the values.
#[derive(Clone)]
pub struct Metrics {
    runtime: kruise_runtime::Metrics,
}

impl Metrics {
    /// Counts in the metrics of this process.
    #[must_use]
    pub fn new(runtime: kruise_runtime::Metrics) -> Self {
        Self { runtime }
    }

    /// A budget has kept this user from a pod of this subject (PB-60).
    pub fn refused(&self, subject: &Subject, user: &str) {
        let labels = ProtectionLabels {
            kind_namespace_name: subject.to_string(),
            username: user.to_owned(),
        };
        let counters = &self.runtime.pod_unavailable_budget;
        counters.get_or_create(&labels).inc();
    }
}

//! What is told of the scope.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::extent::Extent;

/// Labels of `kruise_pub_webhook_scope`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FormLabels {
    form: &'static str,
}

const FORMS: [&str; 3] = ["everything", "namespaces", "none"];

/// Tells how wide the scope is, as this process last saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeMetrics {
    forms: Family<FormLabels, Gauge>,
    told: Arc<Mutex<Option<Extent>>>,
}

impl ScopeMetrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kruise_pub_webhook_scope",
            "1 for the form that the scope of the webhooks for pods had when this process last saw it",
            metrics.forms.clone(),
        );
        metrics
    }

    /// The scope is this now.
    pub(crate) fn tell(&self, extent: &Extent) {
        for form in FORMS {
            let gauge = self.forms.get_or_create(&FormLabels { form });
            gauge.set(i64::from(form == extent.form()));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(extent) {
            let form = extent.form();
            tracing::info!(form, "pods are asked about in other namespaces");
            tracing::debug!(?extent, "the namespaces");
            *told = Some(extent.clone());
        }
    }
}

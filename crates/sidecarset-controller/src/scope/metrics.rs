//! What is told of the scope.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use super::extent::{Extent, Form};

/// Labels of `kruise_sidecarset_webhook_scope`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FormLabels {
    form: &'static str,
}

/// Tells how wide the scope is, as this process last saw it. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeMetrics {
    forms: Family<FormLabels, Gauge>,
    told: Arc<Mutex<Option<Extent>>>,
}

impl ScopeMetrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kruise_sidecarset_webhook_scope",
            "1 for the form that the pod webhook's scope had when this process last saw it",
            metrics.forms.clone(),
        );
        metrics
    }

    /// The scope is this now.
    pub(crate) fn tell(&self, extent: &Extent, number: u64) {
        let form = extent.form();
        for any in Form::ALL {
            let labels = FormLabels { form: any.word() };
            let gauge = self.forms.get_or_create(&labels);
            gauge.set(i64::from(any == form));
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() == Some(extent) {
            return;
        }
        let expression = extent.expression().unwrap_or_default();
        let (form, bytes) = (form.word(), expression.len());
        tracing::info!(form, number, bytes, "the pod webhook has another scope");
        tracing::debug!(number, expression, "the pod webhook's scope");
        *told = Some(extent.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_at_a_time_is_told() {
        let mut registry = Registry::default();
        let metrics = ScopeMetrics::new(&mut registry);
        metrics.tell(&Extent::everything(), 1);
        metrics.tell(&Extent::nothing(), 2);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "kruise_sidecarset_webhook_scope{form=\"everything\"} 0",
            "kruise_sidecarset_webhook_scope{form=\"keys\"} 0",
            "kruise_sidecarset_webhook_scope{form=\"none\"} 1",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}

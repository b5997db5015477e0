//! Metrics of SidecarSets, besides those that every controller has.

use kruise_api::resource::ObjectKey;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SetLabels {
    sidecarset: String,
}

/// Metrics of SidecarSets. Clones share the values.
#[derive(Clone, Default)]
pub struct Metrics {
    lacking: Family<SetLabels, Gauge>,
}

impl Metrics {
    /// Metrics that this registry shows.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "kruise_sidecarset_pods_without_sidecar",
            "Pods that match and were created without the sidecars",
            metrics.lacking.clone(),
        );
        metrics
    }

    /// So many pods lack the SidecarSet.
    pub fn lacking(&self, set: &ObjectKey, n_pods: usize) {
        let n_pods = i64::try_from(n_pods).unwrap_or(i64::MAX);
        self.lacking.get_or_create_owned(&labels(set)).set(n_pods);
    }

    /// The SidecarSet is gone.
    pub fn forget(&self, set: &ObjectKey) {
        self.lacking.remove(&labels(set));
    }
}

fn labels(set: &ObjectKey) -> SetLabels {
    SetLabels {
        sidecarset: set.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_set_that_is_gone_is_in_no_metric() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let text = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).unwrap();
            text
        };
        let key = ObjectKey::new("", "log");
        metrics.lacking(&key, 3);
        let line = "kruise_sidecarset_pods_without_sidecar{sidecarset=\"log\"} 3";
        assert!(text(&registry).contains(line), "{}", text(&registry));
        metrics.forget(&key);
        assert!(!text(&registry).contains("sidecarset="));
    }
}

//! A counter whose name stays as it is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder},
    metrics::{MetricType, TypedMetric},
};

/// Counts under the name that it is registered with. The library's own counter appends `_total`, which
/// the names of some of OpenKruise's metrics lack (PF-139), and alerts match names. Clones share the value.
#[derive(Clone, Debug, Default)]
pub struct PlainCounter {
    value: Arc<AtomicU64>,
}

impl PlainCounter {
    /// Counts one more.
    pub fn inc(&self) {
        self.value.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl TypedMetric for PlainCounter {
    const TYPE: MetricType = MetricType::Unknown;
}

impl EncodeMetric for PlainCounter {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_gauge(&self.get())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{metrics::family::Family, registry::Registry};

    use super::*;
    use crate::tell::metrics::{NameLabels, encode};

    #[test]
    fn the_name_is_the_one_that_was_registered() {
        let mut registry = Registry::default();
        let family = Family::<NameLabels, PlainCounter>::default();
        registry.register("some_leakage", "Leaks", family.clone());
        let labels = NameLabels { name: "n".into() };
        family.get_or_create(&labels).inc();
        family.get_or_create(&labels).inc();
        let text = encode(&registry).unwrap();
        assert!(text.contains("\nsome_leakage{name=\"n\"} 2\n"), "{text}");
    }
}

//! Metrics of webhooks, by the names and labels of controller-runtime (PF-140). The label `webhook` is
//! the path, of served paths only.

use std::time::Duration;

use http::StatusCode;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use tokio::time::Instant;

/// Labels of per-path metrics.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[allow(missing_docs, reason = "the names are the labels")]
pub struct WebhookLabels {
    pub webhook: String,
}

/// Labels of `controller_runtime_webhook_requests_total`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[allow(missing_docs, reason = "the names are the labels")]
pub struct WebhookRequestLabels {
    pub webhook: String,
    pub code: u16,
}

/// Metrics of webhooks. Clones share the values.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "`register` gives each its name and meaning")]
pub struct WebhookMetrics {
    pub requests: Family<WebhookRequestLabels, Counter>,
    pub latency: Family<WebhookLabels, Histogram, fn() -> Histogram>,
    pub in_flight: Family<WebhookLabels, Gauge>,
    pub panics: Counter,
}

/// Prometheus' default buckets, in seconds, as controller-runtime has them.
fn latency_buckets() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ])
}

impl Default for WebhookMetrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            latency: Family::new_with_constructor(latency_buckets),
            in_flight: Family::default(),
            panics: Counter::default(),
        }
    }
}

impl WebhookMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let name = |rest: &str| format!("controller_runtime_webhook_{rest}");
        registry.register(
            name("requests"),
            "Webhook requests by HTTP status code",
            self.requests.clone(),
        );
        registry.register(
            name("latency_seconds"),
            "Length of webhook requests",
            self.latency.clone(),
        );
        registry.register(
            name("requests_in_flight"),
            "Webhook requests that are being answered",
            self.in_flight.clone(),
        );
        registry.register(
            name("panics"),
            "Webhook requests whose handler panicked",
            self.panics.clone(),
        );
    }

    /// Shows a path before its first request.
    pub(crate) fn announce(&self, path: &str) {
        for code in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
            let _ = self.requests.get_or_create(&request_labels(path, code));
        }
        let _ = self.latency.get_or_create(&labels(path));
        let _ = self.in_flight.get_or_create(&labels(path));
    }

    pub(crate) fn begin(&self, path: &str) -> Measured<'_> {
        let in_flight = self.in_flight.get_or_create_owned(&labels(path));
        in_flight.inc();
        Measured {
            metrics: self,
            in_flight,
            start: Instant::now(),
        }
    }
}

/// A request that is being answered, until this is dropped: also if the client goes away.
pub(crate) struct Measured<'a> {
    metrics: &'a WebhookMetrics,
    in_flight: Gauge,
    start: Instant,
}

impl Measured<'_> {
    /// Ends the request; returns how long it took.
    pub(crate) fn end(self, path: &str, code: StatusCode) -> Duration {
        let time = self.start.elapsed();
        self.metrics
            .requests
            .get_or_create(&request_labels(path, code))
            .inc();
        self.metrics
            .latency
            .get_or_create(&labels(path))
            .observe(time.as_secs_f64());
        time
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

fn labels(path: &str) -> WebhookLabels {
    WebhookLabels {
        webhook: path.to_owned(),
    }
}

fn request_labels(path: &str, code: StatusCode) -> WebhookRequestLabels {
    WebhookRequestLabels {
        webhook: path.to_owned(),
        code: code.as_u16(),
    }
}

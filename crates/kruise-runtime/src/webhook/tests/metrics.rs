use prometheus_client::registry::Registry;
use serde_json::json;

use super::*;
use crate::tell::metrics::{Metrics, encode};

#[tokio::test]
async fn requests_are_counted_by_path_and_code() {
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let routes = Routes::default()
        .admission("/a", |_: &AdmissionRequest| AdmissionResponse::allow())
        .admission("/b", |_: &AdmissionRequest| panic!("boom"));
    let service = WebhookService::new(routes, Limits::default(), metrics.webhooks.clone()).unwrap();
    for path in ["/a", "/a", "/b", "/nowhere"] {
        post(&service, path, &review(&json!({}))).await;
    }
    call(&service, request("/a", "{")).await;
    let text = encode(&registry).unwrap();
    for line in [
        "controller_runtime_webhook_requests_total{webhook=\"/a\",code=\"200\"} 2",
        "controller_runtime_webhook_requests_total{webhook=\"/a\",code=\"400\"} 1",
        "controller_runtime_webhook_requests_total{webhook=\"/a\",code=\"500\"} 0",
        "controller_runtime_webhook_requests_total{webhook=\"/b\",code=\"500\"} 1",
        "controller_runtime_webhook_latency_seconds_count{webhook=\"/a\"} 3",
        "controller_runtime_webhook_requests_in_flight{webhook=\"/a\"} 0",
        "controller_runtime_webhook_panics_total 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("/nowhere"), "{text}");
}

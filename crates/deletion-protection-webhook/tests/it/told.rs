//! Who is told of refusals: metrics, the protection log, and the client.

use std::path::Path;

use deletion_protection_webhook::{
    Metrics, NameLabels,
    count::Counter,
    gates::Gates,
    handler::Protector,
    protected::ProtectedKind::{
        self, CustomResourceDefinition, Deployment, Ingress, Namespace, ReplicaSet, Service,
        StatefulSet,
    },
};
use kruise_runtime::{
    ProtectionLabels, ProtectionLog,
    webhook::{Admission, AdmissionResponse},
};
use prometheus_client::registry::Registry;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    counting::{Page, client},
    requests::{deletion, object, widgets},
};

const ON: Gates = Gates {
    protection: true,
    of_custom_resources: true,
};

fn protector(kind: ProtectedKind, gates: Gates, pages: Vec<Page>, log: &Path) -> Protector {
    let (client, _) = client(pages);
    let runtime = kruise_runtime::Metrics::unregistered();
    Protector {
        kind,
        gates,
        counter: Counter::new(client),
        metrics: Metrics::new(&mut Registry::default(), runtime),
        protection_log: ProtectionLog::open(log).unwrap(),
    }
}

async fn answered(protector: &Protector, old: &Value, members: Value) -> AdmissionResponse {
    let request = deletion(protector.kind, old, &members);
    protector.admit(&request).await
}

fn lines(log: &Path) -> Vec<Value> {
    let written = std::fs::read_to_string(log.join("protection.log")).unwrap();
    let lines = written.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of_alice(name: &str) -> NameLabels {
    NameLabels {
        name: name.to_owned(),
        username: "alice".to_owned(),
    }
}

// DP-13, DP-14, DP-23, DP-25, DP-29, DP-S3, DP-S27
#[rstest]
#[case(Deployment, "Deployment")]
#[case(ReplicaSet, "ReplicaSet")]
#[case(StatefulSet, "StatefulSet")]
#[tokio::test]
async fn a_refused_workload_is_counted_and_noted(#[case] kind: ProtectedKind, #[case] name: &str) {
    let log = tempfile::TempDir::new().unwrap();
    let protector = protector(kind, ON, vec![], log.path());
    let cascading = object(kind, Some("Cascading"), json!({ "replicas": 3 }));
    let answer = answered(&protector, &cascading, json!({})).await;
    assert_eq!(answer.code(), 403);
    assert!(answer.message().ends_with(" and replicas 3>0"));
    let labels = ProtectionLabels {
        kind_namespace_name: format!("{name}_shop_web"),
        username: "alice".to_owned(),
    };
    let counters = &protector.metrics.runtime.workload_deletion_protection;
    assert!(counters.contains(&labels));
    assert_eq!(counters.get_or_create(&labels).get(), 1);

    // Of a collection, the request doesn't name the object; a dry run counts; what may go doesn't.
    for members in [json!({ "name": "" }), json!({ "dryRun": true })] {
        let answer = answered(&protector, &cascading, members).await;
        assert_eq!(answer.code(), 403);
    }
    let scaled = object(kind, Some("Cascading"), json!({ "replicas": 0 }));
    let answer = answered(&protector, &scaled, json!({})).await;
    assert_eq!((answer.code().as_u16(), answer.message()), (200, ""));
    assert_eq!(counters.get_or_create(&labels).get(), 3);
    let line = json!({
        "Event": "DeletionProtection", "Kind": name, "Namespace": "shop", "Name": "web", "UserAgent": "alice",
    });
    assert_eq!(lines(log.path()), [line.clone(), line.clone(), line]);
}

// DP-23, DP-25: whatever the reason is.
#[tokio::test]
async fn a_refused_namespace_is_counted_and_noted() {
    let log = tempfile::TempDir::new().unwrap();
    let pages = vec![Page::Of(vec![json!({})], false), Page::Fails(500)];
    let protector = protector(Namespace, ON, pages, log.path());
    let members = json!({ "namespace": "web" });
    for (label, text) in [
        ("Always", "=Always"),
        ("Cascading", "active pods 1>0"),
        ("Cascading", "500: no"),
    ] {
        let old = object(Namespace, Some(label), json!({}));
        let answer = answered(&protector, &old, members.clone()).await;
        assert_eq!(answer.code(), 403);
        assert!(answer.message().ends_with(text), "{}", answer.message());
    }
    let counter = protector.metrics.namespaces.get_or_create(&of_alice("web"));
    assert_eq!(counter.get(), 3);
    let line = json!({
        "Event": "DeletionProtection", "Kind": "Namespace", "Namespace": "web", "Name": "web", "UserAgent": "alice",
    });
    assert_eq!(lines(log.path()), vec![line; 3]);
}

// DP-23, DP-25, DP-S19: the closed gate counts as well.
#[tokio::test]
async fn a_refused_definition_is_counted_and_noted() {
    let log = tempfile::TempDir::new().unwrap();
    let gates = Gates {
        of_custom_resources: false,
        ..ON
    };
    let protector = protector(CustomResourceDefinition, gates, vec![], log.path());
    let old = object(CustomResourceDefinition, Some("Cascading"), widgets());
    let members = json!({ "name": "widgets.example.com", "namespace": "" });
    let answer = answered(&protector, &old, members).await;
    let gate = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
    assert_eq!((answer.code().as_u16(), answer.message()), (403, gate));
    let name = "widgets.example.com";
    let counter = protector.metrics.definitions.get_or_create(&of_alice(name));
    assert_eq!(counter.get(), 1);
    let line = json!({
        "Event": "DeletionProtection", "Kind": "CustomResourceDefinition", "Namespace": "", "Name": name,
        "UserAgent": "alice",
    });
    assert_eq!(lines(log.path()), [line]);
}

// DP-24, DP-S11
#[rstest]
#[tokio::test]
async fn refused_services_and_ingresses_are_told_to_nobody_else(
    #[values(Service, Ingress)] kind: ProtectedKind,
) {
    let log = tempfile::TempDir::new().unwrap();
    let protector = protector(kind, ON, vec![], log.path());
    let old = object(kind, Some("Always"), json!({}));
    let answer = answered(&protector, &old, json!({})).await;
    assert_eq!(answer.code(), 403);
    assert!(lines(log.path()).is_empty());
    let Metrics {
        namespaces,
        definitions,
        runtime,
    } = &protector.metrics;
    for of_any_name in [namespaces, definitions] {
        assert!(!of_any_name.contains(&of_alice("web")));
    }
    let labels = ProtectionLabels {
        kind_namespace_name: format!("{kind:?}_shop_web"),
        username: "alice".to_owned(),
    };
    assert!(!runtime.workload_deletion_protection.contains(&labels));
}

// DP-9, PF-211
#[tokio::test]
async fn what_cant_be_read_is_answered_with_400_and_told_to_nobody() {
    let log = tempfile::TempDir::new().unwrap();
    let protector = protector(Deployment, ON, vec![], log.path());
    let old = json!({ "metadata": { "labels": [] } });
    let answer = answered(&protector, &old, json!({})).await;
    assert_eq!(answer.code(), 400);
    assert!(answer.message().starts_with("oldObject can't be read"));
    assert!(lines(log.path()).is_empty());
}

// DP-23: names and labels that alerts know.
#[test]
fn metrics_have_the_names_that_alerts_know() {
    let mut registry = Registry::default();
    let runtime = kruise_runtime::Metrics::new(&mut registry);
    let metrics = Metrics::new(&mut registry, runtime);
    metrics.namespaces.get_or_create(&of_alice("team")).inc();
    metrics.definitions.get_or_create(&of_alice("a.b")).inc();
    let mut text = String::new();
    prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
    for line in [
        "namespace_deletion_protection{name=\"team\",username=\"alice\"} 1",
        "crd_deletion_protection{name=\"a.b\",username=\"alice\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{text}");
    }
}

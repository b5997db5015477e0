//! The deployable as an operator sees it.

use std::collections::BTreeSet;

use e2e::{
    Namespace, Test,
    cloneset::small,
    names::{CLONESET_CONTROLLER, CLONESETS},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::runtime::controller;

/// Pods of the replicas that are to stay.
async fn replicas(test: &Namespace) -> Vec<Pod> {
    let mut found = controller(test).replicas().await.unwrap();
    found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    found
}

// Two replicas, both healthy and ready, one of them leading; what they say is readable.
#[tokio::test(flavor = "multi_thread")]
async fn both_replicas_serve_health_and_metrics_and_one_leads() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", small(1, json!({}))).await.unwrap();
    sets.rolled_out("web").await;
    let deployable = controller(&test);
    let (leader, _) = deployable.leader().await;
    let pods = replicas(&test).await;
    assert_eq!(pods.len(), 2);

    let mut leading = BTreeSet::new();
    for pod in &pods {
        let name = pod.metadata.name.clone().unwrap();
        assert!(
            deployable
                .ask(&name, 8000, "/healthz")
                .await
                .unwrap()
                .contains("ok")
        );
        let ready = deployable
            .ask(&name, 8000, "/readyz?verbose")
            .await
            .unwrap();
        assert!(ready.contains("watch-pods ok"), "names each check: {ready}");
        let metrics = deployable.metrics(&name).await.unwrap();
        assert!(metrics.contains("workqueue_depth"), "{metrics}");
        // PF-139, DV-PF2
        if metrics
            .lines()
            .any(|line| line == "kruise_manager_is_leader 1")
        {
            for wanted in [
                r#"controller_runtime_reconcile_total{controller="cloneset",result="success"}"#,
                r#"kruise_writes_total{verb="create",kind="Pod""#,
            ] {
                assert!(metrics.contains(wanted), "{wanted} in {metrics}");
            }
            leading.insert(name);
        }
    }
    assert_eq!(leading, BTreeSet::from([leader]));
}

// Non-root, nothing writable, no capabilities.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_run_with_the_least_privilege() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    for pod in replicas(&test).await {
        let pod = serde_json::to_value(pod.spec.unwrap()).unwrap();
        let container = &pod["containers"][0]["securityContext"];
        assert_eq!(container["readOnlyRootFilesystem"], json!(true));
        assert_eq!(container["allowPrivilegeEscalation"], json!(false));
        assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
        let non_root = [
            &pod["securityContext"]["runAsNonRoot"],
            &container["runAsNonRoot"],
        ];
        assert!(non_root.contains(&&json!(true)), "{non_root:?}");
    }
}

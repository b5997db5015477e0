//! The deployable as an operator sees it.

use std::collections::BTreeSet;

use e2e::{Namespace, controller, namespace::spec, undisturbed};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, api::ListParams};
use serde_json::json;

async fn replicas(client: &Client) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kruise-system");
    let selector = ListParams::default().labels("app.kubernetes.io/name=cloneset-controller");
    let mut found = pods.list(&selector).await.unwrap().items;
    found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    found
}

async fn ask(client: &Client, pod: &str, port: u16, path: &str) -> String {
    let uri = format!("/api/v1/namespaces/kruise-system/pods/{pod}:{port}/proxy{path}");
    let request = http::Request::get(uri).body(Vec::new()).unwrap();
    client.request_text(request).await.unwrap()
}

// Two replicas, both healthy and ready, one of them leading; what they say is readable.
#[tokio::test(flavor = "multi_thread")]
async fn both_replicas_serve_health_and_metrics_and_one_leads() {
    let _guard = undisturbed().await;
    let test = Namespace::create("operations").await;
    test.create_clone_set("web", spec(1, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let (leader, _) = controller::leader(&test.client).await;
    let pods = replicas(&test.client).await;
    assert_eq!(pods.len(), 2);

    let mut leading = BTreeSet::new();
    for pod in &pods {
        let name = pod.metadata.name.clone().unwrap();
        assert!(
            ask(&test.client, &name, 8000, "/healthz")
                .await
                .contains("ok")
        );
        let ready = ask(&test.client, &name, 8000, "/readyz?verbose").await;
        assert!(ready.contains("watch-pods ok"), "names each check: {ready}");
        let metrics = ask(&test.client, &name, 8080, "/metrics").await;
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
    let _guard = undisturbed().await;
    let test = Namespace::create("privilege").await;
    for pod in replicas(&test.client).await {
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

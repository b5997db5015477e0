//! A HorizontalPodAutoscaler and kubectl, as they are, on CloneSets.

use std::net::IpAddr;

use e2e::{
    Part, Test,
    cloneset::{in_place, spec},
    names::{CLONESET_CONTROLLER, CLONESETS},
    pod_metrics::PodMetrics,
    pods::uids,
};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{Api, api::PostParams};
use serde_json::json;

// CloneSet 2, 8: the autoscaler of Kubernetes reads pods by status.labelSelector and writes replicas, both through the
// scale subresource. The load of the pods is made up.
#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_scales_out_and_in() {
    // While the metrics are registered, deletions of namespaces depend on this process.
    let plan = Test::of(CLONESET_CONTROLLER).disturbs(Part::Kind("pods.metrics.k8s.io"));
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let sets = test.workload(CLONESETS);
    let config = test.cluster.config().await;
    let address: IpAddr = config.cluster_url.host().unwrap().parse().unwrap();
    let metrics = PodMetrics::serve(&test, address, 16).await;
    sets.create("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let first = uids(&test.pods().facts().await);
    let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web",
            },
            "minReplicas": 2,
            "maxReplicas": 4,
            "metrics": [{ "type": "Resource", "resource": {
                "name": "memory", "target": { "type": "AverageValue", "averageValue": "16Mi" },
            } }],
            "behavior": { "scaleDown": { "stabilizationWindowSeconds": 0 } },
        },
    }))
    .unwrap();
    Api::namespaced(test.client.clone(), &test.name)
        .create(&PostParams::default(), &autoscaler)
        .await
        .unwrap();

    metrics.set(32);
    sets.status_becomes("web", "availableReplicas", 4).await;
    assert!(first.is_subset(&uids(&test.pods().facts().await)));
    // Half of what is aimed at: as few as are allowed.
    metrics.set(8);
    sets.status_becomes("web", "replicas", 2).await;
    let (ok, text) = test
        .cluster
        .kubectl(&["get", "hpa", "web", "-n", &test.name, "--no-headers"]);
    assert!(ok && text.contains("CloneSet/web"), "{text}");
    drop(metrics);
}

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

// CloneSet 2: columns, scale, wait, describe.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_scales_and_waits() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let kubectl = |arguments: &[&str]| {
        let mut all = vec!["--namespace", test.name.as_str()];
        all.extend(arguments);
        let (ok, text) = test.cluster.kubectl(&all);
        assert!(ok, "{arguments:?}: {text}");
        text
    };
    let mut set = spec(1, in_place(json!(1)));
    set["progressDeadlineSeconds"] = json!(600);
    sets.create("web", set).await.unwrap();
    kubectl(&["scale", "cloneset", "web", "--replicas=2"]);
    sets.rolled_out("web").await;
    kubectl(&["wait", "--for=condition=Progressing", "cloneset/web"]);
    kubectl(&[
        "wait",
        "--for=jsonpath={.status.availableReplicas}=2",
        "clone/web",
    ]);

    let shown = kubectl(&["get", "clone", "web"]);
    let shown = words(&shown);
    assert_eq!(
        shown[0],
        [
            "NAME",
            "DESIRED",
            "UPDATED",
            "UPDATED_READY",
            "UPDATED_AVAILABLE",
            "READY",
            "TOTAL",
            "AGE",
        ]
    );
    assert_eq!(shown[1][..7], ["web", "2", "2", "2", "2", "2", "2"]);
    let wide = kubectl(&["get", "cloneset", "web", "--output=wide"]);
    let wide = words(&wide);
    assert_eq!(wide[0][8..], ["CONTAINERS", "IMAGES", "SELECTOR"]);
    assert_eq!(wide[1].last(), Some(&"app=web"));
    assert!(wide[1][8].starts_with("app"), "{wide:?}");

    // Why nothing happens is in what everybody looks at first.
    let paused = json!({ "spec": { "updateStrategy": { "rollingUpdate": { "paused": true } } } });
    sets.patch("web", paused).await;
    sets.set_app_image("web", &e2e::templates::image(2)).await;
    sets.waits_for("web", "Paused").await;
    kubectl(&["wait", "--for=condition=Waiting", "cloneset/web"]);
    let described = kubectl(&["describe", "cloneset", "web"]);
    for wanted in [
        "Paused",
        "spec.updateStrategy.rollingUpdate.paused is true",
        "SuccessfulCreate",
    ] {
        assert!(described.contains(wanted), "{wanted}: {described}");
    }
}

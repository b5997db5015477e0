//! Workloads, Services and Ingresses. Pods of these are held by a finalizer, or never scheduled: none runs.

use e2e::{
    names::{DEPLOYMENTS, HOLD, INGRESSES, SERVICES},
    templates::template,
};
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::{counted, create, delete, delete_with, forbidden, label, of_webhook};

/// The spec of a workload whose pods wait for a node that there isn't.
fn spec(replicas: i32) -> Value {
    let mut template = template();
    template["spec"]["nodeSelector"] = json!({ "e2e.kruise.io/none": "none" });
    json!({
        "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": template,
    })
}

// DP-S1, DP-S2, DP-S25, DP-S26, DP-S27, DP-S29
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_stays_until_its_label_goes() {
    let test = of_webhook().begin().await;
    let deployments = test.workload(DEPLOYMENTS);
    let always = forbidden("vbuiltindeployment.kb.io", "Always");
    create(&deployments, "kept", "Always", spec(0)).await;
    assert_eq!(delete(&deployments, "kept").await, always);
    let dry_run = DeleteParams {
        dry_run: true,
        ..DeleteParams::default()
    };
    for params in [dry_run, DeleteParams::orphan(), DeleteParams::foreground()] {
        assert_eq!(delete_with(&deployments, "kept", &params).await, always);
    }

    for name in ["a", "z"] {
        deployments.create(name, spec(0)).await.unwrap();
    }
    let all = ListParams::default();
    let params = DeleteParams::default();
    let of_all = deployments.api().delete_collection(&params, &all).await;
    let of_all = of_all.map(drop).map_err(super::refused);
    assert_eq!(of_all, always);
    assert!(deployments.get("kept").await["metadata"]["deletionTimestamp"].is_null());
    // At least: the API server may ask about one of a collection more than once.
    let kept = format!(
        "workload_deletion_protection{{kind_namespace_name=\"Deployment_{}_kept\"",
        test.name
    );
    assert!(counted(&test, &kept).await >= 5);

    label(&deployments, "kept", Some("always")).await;
    assert_eq!(delete(&deployments, "kept").await, Ok(()));
    deployments.is_gone("kept").await;

    let mut held = deployments.object("held", spec(0));
    held["metadata"]["finalizers"] = json!([HOLD]);
    deployments.create_whole(held).await.unwrap();
    deployments.delete("held").await;
    label(&deployments, "held", Some("Always")).await;
    assert_eq!(delete(&deployments, "held").await, Ok(()));
}

// DP-S3
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_cascades_while_it_has_replicas() {
    let test = of_webhook().begin().await;
    let deployments = test.workload(DEPLOYMENTS);
    create(&deployments, "web", "Cascading", spec(3)).await;
    let refused = forbidden("vbuiltindeployment.kb.io", "Cascading and replicas 3>0");
    assert_eq!(delete(&deployments, "web").await, refused);
    let of_web = format!(
        "workload_deletion_protection{{kind_namespace_name=\"Deployment_{}_web\"",
        test.name
    );
    // At least: the API server asks again where the object changes meanwhile.
    assert!(counted(&test, &of_web).await >= 1);
}

// DP-S11, DP-S12, DP-S13
#[tokio::test(flavor = "multi_thread")]
async fn services_and_ingresses_know_always_alone() {
    let test = of_webhook().begin().await;
    let port = json!({ "number": 80 });
    let backend = json!({ "service": { "name": "web", "port": port } });
    for (resource, spec, webhook) in [
        (
            SERVICES,
            json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] }),
            "vservice.kb.io",
        ),
        (
            INGRESSES,
            json!({ "defaultBackend": backend }),
            "vingress.kb.io",
        ),
    ] {
        let objects = test.workload(resource);
        create(&objects, "web", "Always", spec).await;
        assert_eq!(delete(&objects, "web").await, forbidden(webhook, "Always"));
        label(&objects, "web", Some("Cascading")).await;
        assert_eq!(delete(&objects, "web").await, Ok(()));
        let object = format!("{}_{}_web", resource.kind, test.name);
        let series = format!("workload_deletion_protection{{kind_namespace_name=\"{object}\"");
        assert_eq!(counted(&test, &series).await, 0);
    }
}

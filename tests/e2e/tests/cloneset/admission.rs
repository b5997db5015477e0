//! Admission through a real API server: what it writes, what it refuses, and what goes on without it.

use e2e::{
    Cluster, Namespace, disturbing, eventually,
    namespace::{PATIENCE, spec},
    undisturbed,
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Namespace as CoreNamespace, Pod},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

const PROTECTED: &str = "policy.kruise.io/delete-protection";

// CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn defaults_are_written() {
    let _guard = undisturbed().await;
    let test = Namespace::create("defaults").await;
    let mut spec = spec(0, json!({}));
    spec["updateStrategy"] = json!({});
    test.create_clone_set("web", spec).await.unwrap();
    let stored = test.clone_set("web").await["spec"].clone();
    assert_eq!(stored["revisionHistoryLimit"], 10);
    assert_eq!(
        stored["updateStrategy"]["rollingUpdate"]["maxUnavailable"],
        "20%"
    );
    let pod = &stored["template"]["spec"];
    assert_eq!(pod["dnsPolicy"], "ClusterFirst");
    assert_eq!(pod["containers"][0]["imagePullPolicy"], "Always");
}

async fn refusal(test: &Namespace, spec: Value) -> String {
    let kube::Error::Api(status) = test.create_clone_set("web", spec).await.unwrap_err() else {
        panic!("no status");
    };
    assert_eq!(status.code, 422, "{}", status.message);
    status.message.clone()
}

// CS-11, DV-CS9: what the CRD has no rule for is refused by the webhook, and all of it at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_named() {
    let _guard = undisturbed().await;
    let test = Namespace::create("refused").await;
    let mut wrong = spec(1, json!({}));
    wrong["template"]["metadata"]["labels"] = json!({ "app": "typo" });
    wrong["template"]["spec"]["restartPolicy"] = json!("Never");
    let message = refusal(&test, wrong).await;
    for field in [
        "vcloneset.kb.io",
        "spec.template.metadata.labels: ",
        "spec.template.spec.restartPolicy: ",
    ] {
        assert!(message.contains(field), "{field} is not in {message}");
    }
}

// DV-CS10: the API server judges the template, and knows the claims as volumes.
#[tokio::test(flavor = "multi_thread")]
async fn the_template_is_judged_by_the_server() {
    let _guard = undisturbed().await;
    let test = Namespace::create("template").await;
    let mut mounting = spec(0, json!({}));
    let container = &mut mounting["template"]["spec"]["containers"][0];
    container["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    let message = refusal(&test, mounting.clone()).await;
    assert!(
        message.contains("spec.template.spec.containers[0].volumeMounts[0].name: Not found"),
        "{message}"
    );
    mounting["volumeClaimTemplates"] = json!([{ "metadata": { "name": "data" } }]);
    mounting["template"]["metadata"]["annotations"] =
        json!({ "controller.kubernetes.io/pod-deletion-cost": "tolerated" });
    test.create_clone_set("web", mounting).await.unwrap();
}

async fn scale_controller(test: &Namespace, replicas: i32) {
    let deployments = Api::<Deployment>::namespaced(test.client.clone(), "kruise-system");
    let patch = json!({ "spec": { "replicas": replicas } });
    deployments
        .patch(
            "cloneset-controller",
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await
        .unwrap();
    let pods = Api::<Pod>::namespaced(test.client.clone(), "kruise-system");
    let ours = ListParams::default().labels("app.kubernetes.io/name=cloneset-controller");
    eventually("as many replicas are there and ready", PATIENCE, || async {
        // One that ends still answers for a while.
        let n_pods = i32::try_from(pods.list(&ours).await?.items.len())?;
        let status = deployments.get_status("cloneset-controller").await?.status;
        let n_ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
        anyhow::ensure!(
            (n_pods, n_ready) == (replicas, replicas),
            "{n_pods} there, {n_ready} ready"
        );
        Ok(())
    })
    .await;
}

// DV-CS11, PF-230
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_deletion_goes_on() {
    let _guard = disturbing().await;
    if !Cluster::get()
        .await
        .is_local("without_a_replica_deletion_goes_on")
    {
        return;
    }
    let test = Namespace::create("outage").await;
    for name in ["plain", "held", "protected"] {
        test.create_clone_set(name, spec(0, json!({})))
            .await
            .unwrap();
    }
    test.patch(
        "held",
        json!({ "metadata": { "finalizers": ["e2e.kruise.io/hold"] } }),
    )
    .await;
    test.patch(
        "protected",
        json!({ "metadata": { "labels": { PROTECTED: "Cascading" } } }),
    )
    .await;
    scale_controller(&test, 0).await;

    let sets = test.clone_sets();
    let delete = |name: &'static str| {
        let sets = sets.clone();
        async move { sets.delete(name, &DeleteParams::default()).await }
    };
    let refused = test.create_clone_set("new", spec(0, json!({}))).await;
    let protected = delete("protected").await;
    let plain = delete("plain").await;
    let held = delete("held").await;
    let patch = json!({ "metadata": { "finalizers": [] } });
    let let_go = sets
        .patch("held", &PatchParams::default(), &Patch::Merge(patch))
        .await;
    let namespaces = Api::<CoreNamespace>::all(test.client.clone());
    namespaces
        .delete(&test.name, &DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace is gone", PATIENCE, || async {
        match namespaces.get_opt(&test.name).await? {
            None => Ok(()),
            Some(namespace) => anyhow::bail!("{:?}", namespace.status),
        }
    })
    .await;

    scale_controller(&test, 2).await;
    let calling = |error: kube::Error| error.to_string().contains("failed calling webhook");
    assert!(calling(refused.unwrap_err()));
    assert!(calling(protected.unwrap_err()));
    plain.unwrap();
    held.unwrap();
    let_go.unwrap();
}

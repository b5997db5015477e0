//! Admission through a real API server: what it writes, and what it refuses.

use e2e::{
    Namespace, Test,
    cloneset::spec,
    names::{CLONESET_CONTROLLER, CLONESETS},
};
use serde_json::{Value, json};

// CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn defaults_are_written() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = spec(0, json!({}));
    spec["updateStrategy"] = json!({});
    sets.create("web", spec).await.unwrap();
    let stored = sets.get("web").await["spec"].clone();
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
    let sets = test.workload(CLONESETS);
    let kube::Error::Api(status) = sets.create("web", spec).await.unwrap_err() else {
        panic!("no status");
    };
    assert_eq!(status.code, 422, "{}", status.message);
    status.message.clone()
}

// CS-11, DV-CS9: what the CRD has no rule for is refused by the webhook, and all of it at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_named() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
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
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
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
    sets.create("web", mounting).await.unwrap();
}

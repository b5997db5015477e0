//! What the deployed webhooks refuse and fill in, and the samples.

use e2e::{
    Test,
    names::{BROADCASTJOB_CONTROLLER, BROADCASTJOBS, BROADCASTJOBS_V1ALPHA1},
};
use serde_json::{Value, json};

use super::{becomes, job};

fn code(refused: kube::Error) -> (u16, String) {
    match refused {
        kube::Error::Api(status) => (status.code, status.message),
        other => panic!("{other:?}"),
    }
}

// BJ-S29, BJ-7, PF-211: in both versions; the last by the API server's own checks.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_work_is_refused() {
    let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
    let bad_name = json!([{ "name": "Not A Name", "image": "a" }]);
    let cases = [
        (
            json!({ "template": { "spec": { "restartPolicy": null } } }),
            "spec.template.spec.restartPolicy",
        ),
        (
            json!({ "completionPolicy": { "type": "Never", "ttlSecondsAfterFinished": 10 } }),
            "spec.completionPolicy.ttlSecondsAfterFinished",
        ),
        (
            json!({ "template": { "metadata": { "labels": { "broadcastjob-name": "x" } } } }),
            "broadcastjob-name",
        ),
        (
            json!({ "template": { "spec": { "containers": bad_name } } }),
            "spec.template.spec.containers[0].name",
        ),
    ];
    for resource in [BROADCASTJOBS, BROADCASTJOBS_V1ALPHA1] {
        let jobs = test.workload(resource);
        for (change, field) in &cases {
            let refused = jobs
                .create("scan", job("true", change.clone()))
                .await
                .unwrap_err();
            let (code, message) = code(refused);
            assert_eq!(code, 500, "{message}");
            assert!(message.contains(field), "{message}");
        }
        let dotted = jobs
            .create("a.b", job("true", json!({})))
            .await
            .unwrap_err();
        assert_eq!(code(dotted).0, 500);
    }
    assert!(test.pods().all().await.is_empty());
}

// BJ-1, BJ-2, and the samples as a user applies them.
#[tokio::test(flavor = "multi_thread")]
async fn samples_are_applied_and_filled_in() {
    let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
    let jobs = test.workload(BROADCASTJOBS);
    let directory = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/samples/broadcastjob"
    );
    let namespace = test.name.as_str();
    let apply = [
        "apply",
        "--warnings-as-errors",
        "--namespace",
        namespace,
        "--filename",
        directory,
    ];
    for _ in 0..2 {
        let (ok, said) = test.cluster.kubectl(&apply);
        assert!(ok, "{said}");
    }
    for name in ["minimal", "every-field"] {
        let stored: Value = jobs.get(name).await;
        // Applied again it says nothing new.
        assert_eq!(stored["metadata"]["generation"], 1, "{name}");
        let spec = &stored["spec"];
        assert_eq!(spec["completionPolicy"]["type"], "Always");
        let container = &spec["template"]["spec"]["containers"][0];
        assert_eq!(container["imagePullPolicy"], "Always");
        // Their image is not in the registry of the tests.
        assert!(["", "running"].contains(&stored["status"]["phase"].as_str().unwrap_or_default()));
    }
    becomes(&jobs, "minimal", "running").await;
}

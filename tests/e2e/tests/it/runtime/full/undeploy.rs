//! What an undeployed controller leaves: workloads, and nothing that only it knows. And what a deployment that doesn't get
//! to run says of itself.

use e2e::{
    Test,
    cloneset::{in_place, small, spec},
    cluster,
    names::{CLONESET_CONTROLLER, CLONESETS, SYSTEM},
    pods::uids,
    templates::image,
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};

use crate::runtime::controller;

const GATE: &str = "EnableExternalCerts=true";

/// Runs a command of `cargo xtask` on the local cluster: whether it went well, and what it said.
fn run(arguments: &[&str]) -> (bool, String) {
    let name = cluster::name();
    let arguments = [arguments, &["--name", &name]].concat();
    let output = tokio::task::block_in_place(|| cluster::xtask(&arguments)).unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

/// Deploys again when it is dropped, also when the test failed.
struct Deployed;

impl Drop for Deployed {
    fn drop(&mut self) {
        let (ok, text) = run(&["deploy", "cloneset"]);
        assert!(ok || std::thread::panicking(), "{text}");
    }
}

fn condition_types(set: &Value) -> Vec<&str> {
    let conditions = set["status"]["conditions"].as_array();
    let types = conditions.into_iter().flatten();
    types
        .map(|condition| condition["type"].as_str().unwrap())
        .collect()
}

// DV-D8: nobody else would ever take the condition off. PF-216: nor the Secret. Deployed again, the controller goes on
// with the same pods.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_only_the_controller_knows_stays_behind() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    let mut terms = in_place(json!("100%"));
    terms["partition"] = json!("50%");
    let mut held = spec(2, terms);
    held["progressDeadlineSeconds"] = json!(600);
    sets.create("web", held).await.unwrap();
    sets.status_becomes("web", "availableReplicas", 2).await;
    sets.set_app_image("web", &image(2)).await;
    sets.waits_for("web", "PartitionReached").await;
    sets.status_becomes("web", "availableReplicas", 2).await;
    let before = test.pods().facts().await;
    let status = sets.get("web").await["status"].clone();

    let deployed = Deployed;
    let (ok, text) = run(&["undeploy", "cloneset"]);
    assert!(ok, "{text}");
    assert!(text.contains("taken off 1 object"), "says how many: {text}");
    let set = sets.get("web").await;
    let types = condition_types(&set);
    assert!(!types.contains(&"Waiting"), "{types:?}");
    assert!(types.contains(&"Progressing"), "others stay: {types:?}");
    assert_eq!(set["status"]["updatedReplicas"], status["updatedReplicas"]);
    assert_eq!(test.pods().facts().await, before, "no pod changed");
    let secrets: Api<Secret> = Api::namespaced(test.client.clone(), SYSTEM);
    let left = secrets
        .get_opt("kruise-cloneset-controller-webhook-certs")
        .await
        .unwrap();
    assert!(
        left.is_none(),
        "the Secret that the controller filled is gone"
    );
    let deployments = controller(&test).deployments();
    let left = deployments.get_opt(CLONESET_CONTROLLER).await.unwrap();
    assert!(left.is_none(), "the Deployment is gone");

    sets.patch_rolling_update("web", json!({ "partition": 0 }))
        .await;
    drop(deployed);
    sets.rolled_out("web").await;
    let after = test.pods().facts().await;
    assert_eq!(uids(&after), uids(&before), "updated in place");
    assert!(after.values().all(|pod| pod.images["app"] == image(2)));
}

// PF-223: with that gate somebody else makes the Secret, and nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_gets_no_certificates_says_so() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    sets.create("web", small(2, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;

    let _deployed = Deployed;
    let (ok, text) = run(&["undeploy", "cloneset"]);
    assert!(ok, "{text}");
    let (ok, text) = run(&[
        "deploy",
        "cloneset",
        "--feature-gates",
        GATE,
        "--timeout",
        "20",
    ]);
    assert!(!ok, "{text}");
    let secret = "kruise-cloneset-controller-webhook-certs";
    assert!(
        text.contains("webhook-ready") && text.contains(secret),
        "the failing check in its own words: {text}"
    );
    let advice = text.split("what to do:").nth(1).unwrap_or_default();
    assert!(advice.contains("EnableExternalCerts"), "what to do: {text}");
    assert_eq!(test.pods().facts().await, before, "no pod changed");
}

//! What an undeployed controller leaves: workloads, and nothing that only it knows. And what a deployment
//! that doesn't get to run says of itself.

use e2e::{
    Cluster, Namespace, cluster, disturbing,
    namespace::{image, in_place, spec},
};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::{Value, json};

const GATE: &str = "EnableExternalCerts=true";

fn run(arguments: &[&str]) -> (bool, String) {
    let name = cluster::name();
    let arguments = [arguments, &["--name", &name]].concat();
    let output = tokio::task::block_in_place(|| cluster::xtask(&arguments)).unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), text)
}

/// Deploys again whatever a test did, also when it failed.
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

// DV-D8: nobody else would ever take the condition off. PF-216: nor the Secret.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_only_the_controller_knows_stays_behind() {
    let _guard = disturbing().await;
    if !Cluster::get()
        .await
        .is_local("nothing_that_only_the_controller_knows_stays_behind")
    {
        return;
    }
    let test = Namespace::create("leaving").await;
    let mut held = spec(2, in_place(json!("100%")));
    held["progressDeadlineSeconds"] = json!(600);
    test.create_clone_set("web", held).await.unwrap();
    test.rolled_out("web").await;
    let paused =
        json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": "50%" } } } });
    test.patch("web", paused).await;
    test.set_app_image("web", &image(2)).await;
    test.waits_for("web", "PartitionReached").await;
    let before = test.facts().await;
    let status = test.clone_set("web").await["status"].clone();

    let _deployed = Deployed;
    let (ok, text) = run(&["undeploy", "cloneset"]);
    assert!(ok, "{text}");
    assert!(text.contains("taken off 1 object"), "says how many: {text}");
    let set = test.clone_set("web").await;
    let types = condition_types(&set);
    assert!(!types.contains(&"Waiting"), "{types:?}");
    assert!(types.contains(&"Progressing"), "others stay: {types:?}");
    assert_eq!(set["status"]["updatedReplicas"], status["updatedReplicas"]);
    assert_eq!(test.facts().await, before, "no pod changed");
    let secrets: Api<Secret> = Api::namespaced(test.client.clone(), "kruise-system");
    let secret = "kruise-cloneset-controller-webhook-certs";
    let left = secrets.get_opt(secret).await.unwrap();
    assert!(
        left.is_none(),
        "the Secret that the controller filled is gone"
    );

    // PF-223: with that gate somebody else makes the Secret, and nobody has.
    let (ok, text) = run(&[
        "deploy",
        "cloneset",
        "--feature-gates",
        GATE,
        "--timeout",
        "20",
    ]);
    assert!(!ok, "{text}");
    assert!(
        text.contains("webhook-ready") && text.contains(secret),
        "the failing check in its own words: {text}"
    );
    let advice = text.split("what to do:").nth(1).unwrap_or_default();
    assert!(advice.contains("EnableExternalCerts"), "what to do: {text}");
    assert_eq!(test.facts().await, before, "no pod changed");
}

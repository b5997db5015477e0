//! `cargo xtask deploy` and `undeploy` as a user meets them.

use e2e::{
    Namespace, Test, cluster,
    names::{CLONESET_CONTROLLER, SYSTEM},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ServiceAccount};
use kube::{Api, api::PostParams};
use serde_json::json;

fn run(arguments: &[&str]) -> (bool, String) {
    let output = tokio::task::block_in_place(|| cluster::xtask(arguments)).unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_overlay_is_named_with_those_that_exist() {
    let (ok, text) = run(&["deploy", "clonest"]);
    assert!(!ok);
    assert!(
        text.contains("clonest") && text.contains("cloneset"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_does_not_answer_is_named_with_its_server() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Nothing listens on this port.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "u", "user": {} }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
    });
    std::fs::write(file.path(), config.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let (ok, text) = run(&[
        "deploy",
        "cloneset",
        "--kubeconfig",
        path,
        "--registry",
        "127.0.0.1:1/kruise",
    ]);
    assert!(!ok);
    assert!(
        text.contains("https://127.0.0.1:1"),
        "names the server: {text}"
    );
    assert!(text.contains(path), "names the file: {text}");

    let (ok, text) = run(&["deploy", "cloneset", "--kubeconfig", "/nowhere/kubeconfig"]);
    assert!(!ok);
    assert!(text.contains("/nowhere/kubeconfig"), "{text}");
}

// A user who may do nothing learns which right is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_named() {
    let Some(test) = Test::of(CLONESET_CONTROLLER).begin_locally().await else {
        return;
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(test.client.clone(), &test.name);
    let account: ServiceAccount =
        serde_json::from_value(json!({ "metadata": { "name": "nobody" } })).unwrap();
    accounts
        .create(&PostParams::default(), &account)
        .await
        .unwrap();
    let token = accounts
        .create_token_request(
            "nobody",
            &PostParams::default(),
            &serde_json::from_value(json!({ "spec": { "audiences": [] }, "metadata": {} }))
                .unwrap(),
        )
        .await
        .unwrap()
        .status
        .unwrap()
        .token;
    let admin = kube::config::Kubeconfig::read_from(test.cluster.kubeconfig()).unwrap();
    let mut config = serde_json::to_value(&admin).unwrap();
    config["users"] = json!([{ "name": "nobody", "user": { "token": token } }]);
    config["contexts"][0]["context"]["user"] = json!("nobody");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config.to_string()).unwrap();

    let registry = registry_of(&test).await;
    let (ok, text) = run(&[
        "deploy",
        "cloneset",
        "--kubeconfig",
        file.path().to_str().unwrap(),
        "--registry",
        &registry,
        "--insecure",
    ]);
    assert!(!ok, "{text}");
    assert!(
        text.to_lowercase().contains("forbidden") || text.contains("may not"),
        "{text}"
    );
    assert!(text.contains("nobody"), "names who: {text}");
    assert!(
        text.contains("patch") || text.contains("create"),
        "names the verb: {text}"
    );
    assert!(
        text.contains("customresourcedefinitions"),
        "names the resource: {text}"
    );
}

/// Where the running controller's image came from.
async fn registry_of(test: &Namespace) -> String {
    let deployments: Api<Deployment> = Api::namespaced(test.client.clone(), SYSTEM);
    let deployment = deployments.get(CLONESET_CONTROLLER).await.unwrap();
    let image = deployment.spec.unwrap().template.spec.unwrap().containers[0]
        .image
        .clone()
        .unwrap();
    image.rsplit_once('/').unwrap().0.to_owned()
}

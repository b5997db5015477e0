//! What users get wrong is told with object and field, and nothing is done meanwhile.

use e2e::{Namespace, namespace::spec, undisturbed};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn negative_replicas_are_refused_by_name() {
    let _guard = undisturbed().await;
    let test = Namespace::create("negative").await;
    let error = test
        .create_clone_set("web", spec(-1, json!({})))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"web\""), "names the object: {error}");
    assert!(error.contains("spec.replicas"), "names the field: {error}");
}

// CS-12
#[tokio::test(flavor = "multi_thread")]
async fn the_selector_cannot_be_changed() {
    let _guard = undisturbed().await;
    let test = Namespace::create("selector").await;
    test.create_clone_set("web", spec(0, json!({})))
        .await
        .unwrap();
    let change = json!({ "spec": { "selector": { "matchLabels": { "app": "other" } } } });
    let error = test
        .clone_sets()
        .patch(
            "web",
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(change),
        )
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("spec.selector"), "{error}");
}

//! What users get wrong is told with object and field, and nothing is done meanwhile.

use e2e::{
    Test,
    cloneset::spec,
    names::{CLONESET_CONTROLLER, CLONESETS},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn negative_replicas_are_refused_by_name() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let error = sets
        .create("web", spec(-1, json!({})))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("\"web\""), "names the object: {error}");
    assert!(error.contains("spec.replicas"), "names the field: {error}");
}

// CS-12
#[tokio::test(flavor = "multi_thread")]
async fn the_selector_cannot_be_changed() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(0, json!({}))).await.unwrap();
    let change = json!({ "spec": { "selector": { "matchLabels": { "app": "other" } } } });
    let error = sets.try_patch("web", change).await.unwrap_err().to_string();
    assert!(error.contains("spec.selector"), "{error}");
}

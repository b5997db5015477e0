//! What users get wrong is told with object and field, and nothing is done meanwhile.

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, spec},
    undisturbed,
};
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

#[tokio::test(flavor = "multi_thread")]
async fn what_this_version_cannot_do_is_held_and_named() {
    let _guard = undisturbed().await;
    let test = Namespace::create("claims").await;
    let mut spec = spec(1, json!({}));
    spec["volumeClaimTemplates"] = json!([{
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Mi" } },
        },
    }]);
    test.create_clone_set("web", spec).await.unwrap();
    let message = test.waits_for("web", "NotSupportedYet").await;
    assert!(message.contains("spec.volumeClaimTemplates"), "{message}");
    let event = eventually("an event", PATIENCE, || async {
        test.events("NotSupportedYet").await.pop().ok_or("none")
    })
    .await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert_eq!(
        event.involved_object.name.as_deref(),
        Some("web"),
        "names the object"
    );
    assert_eq!(
        event.source.unwrap().component.as_deref(),
        Some("cloneset-controller")
    );
    assert!(test.all_pods().await.is_empty());

    // Corrected, it goes on, and the condition goes.
    test.patch("web", json!({ "spec": { "volumeClaimTemplates": null } }))
        .await;
    test.rolled_out("web").await;
    test.stops_waiting("web").await;
}

//! One object in two versions, through a real API server.

use e2e::{Namespace, pods::small, undisturbed};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

fn v1alpha1(test: &Namespace) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("apps.kruise.io", "v1alpha1", "CloneSet"),
        "clonesets",
    );
    Api::namespaced_with(test.client.clone(), &test.name, &resource)
}

const PARALLELISM: &str = "apps.kruise.io/image-predownload-parallelism";
const MIN_UPDATED: &str = "apps.kruise.io/image-predownload-min-updated-ready-pods";

// CS-S37, CS-1 to CS-4
#[tokio::test(flavor = "multi_thread")]
async fn what_one_version_says_the_other_keeps() {
    let _guard = undisturbed().await;
    let test = Namespace::create("conversion").await;
    let mut spec = small(0, json!(null));
    spec["updateStrategy"] = json!({ "type": "InPlaceIfPossible", "partition": 3 });
    let annotations = json!({ PARALLELISM: "5", MIN_UPDATED: "20%" });
    let object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": { "name": "web", "annotations": annotations }, "spec": spec,
    });
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let created = v1alpha1(&test)
        .create(&PostParams::default(), &object)
        .await;
    let created = created.unwrap();

    let newer = test.clone_set("web").await;
    let strategy = &newer["spec"]["updateStrategy"];
    let terms = &strategy["rollingUpdate"];
    assert_eq!(strategy["type"], "RollingUpdate");
    assert_eq!(terms["podUpdatePolicy"], "InPlaceIfPossible");
    assert_eq!(terms["partition"], 3);
    assert_eq!(newer["spec"]["scaleStrategy"]["enablePVCReuse"], true);
    let in_place = terms["inPlaceUpdateStrategy"].as_object().unwrap();
    assert_eq!(in_place["imagePreDownloadParallelism"], 5);
    assert!(!in_place.contains_key("imagePreDownloadMinUpdatedReadyPods"));

    // Written once more as v1beta1, and read back.
    test.patch(
        "web",
        json!({ "metadata": { "labels": { "seen": "yes" } } }),
    )
    .await;
    let back = v1alpha1(&test).get("web").await.unwrap();
    assert_eq!(back.data["spec"], created.data["spec"]);
    let kept = back.metadata.annotations.unwrap();
    assert_eq!((&*kept[PARALLELISM], &*kept[MIN_UPDATED]), ("5", "20%"));
}

// CS-S37, CS-13, DV-CS1, DV-CS2
#[tokio::test(flavor = "multi_thread")]
async fn an_on_delete_set_keeps_its_terms_through_the_older_version() {
    let _guard = undisturbed().await;
    let test = Namespace::create("ondeleteolder").await;
    let terms = json!({
        "podUpdatePolicy": "InPlaceIfPossible", "partition": 1, "maxUnavailable": 1,
    });
    let mut spec = small(0, json!(null));
    spec["updateStrategy"] = json!({ "type": "OnDelete", "rollingUpdate": terms });
    spec["scaleStrategy"] = json!({ "excludePreparingDelete": true });
    test.create_clone_set("web", spec).await.unwrap();

    let older = v1alpha1(&test);
    // Whatever is written, the whole object is judged; a patch doesn't mind that the status is written meanwhile.
    let label = Patch::Merge(json!({ "metadata": { "labels": { "seen": "yes" } } }));
    let written = older.patch("web", &PatchParams::default(), &label).await;
    let refused = written.unwrap_err().to_string();
    assert!(refused.contains("spec.updateStrategy.type"), "{refused}");

    let scale = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
    let scaled = older
        .patch_scale("web", &PatchParams::default(), &scale)
        .await;
    scaled.unwrap();
    let set: Value = test.clone_set("web").await;
    assert_eq!(set["spec"]["replicas"], 1);
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({ "type": "OnDelete", "rollingUpdate": terms })
    );
    assert_eq!(set["spec"]["scaleStrategy"]["excludePreparingDelete"], true);
}

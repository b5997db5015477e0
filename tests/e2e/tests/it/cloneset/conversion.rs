//! One object in two versions, through a real API server.

use e2e::{
    Test,
    cloneset::small,
    names::{CLONESET_CONTROLLER, CLONESETS, CLONESETS_V1ALPHA1},
};
use serde_json::{Value, json};

const PARALLELISM: &str = "apps.kruise.io/image-predownload-parallelism";
const MIN_UPDATED: &str = "apps.kruise.io/image-predownload-min-updated-ready-pods";

// CS-S37, CS-1 to CS-4
#[tokio::test(flavor = "multi_thread")]
async fn what_one_version_says_the_other_keeps() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = small(0, json!(null));
    spec["updateStrategy"] = json!({ "type": "InPlaceIfPossible", "partition": 3 });
    let annotations = json!({ PARALLELISM: "5", MIN_UPDATED: "20%" });
    let older = test.workload(CLONESETS_V1ALPHA1);
    let mut object = older.object("web", spec);
    object["metadata"]["annotations"] = annotations;
    let created = older.create_whole(object).await.unwrap();

    let newer = sets.get("web").await;
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
    sets.patch(
        "web",
        json!({ "metadata": { "labels": { "seen": "yes" } } }),
    )
    .await;
    let back = older.api().get("web").await.unwrap();
    assert_eq!(back.data["spec"], created.data["spec"]);
    let kept = back.metadata.annotations.unwrap();
    assert_eq!((&*kept[PARALLELISM], &*kept[MIN_UPDATED]), ("5", "20%"));
}

// CS-S37, CS-13, DV-CS1, DV-CS2
#[tokio::test(flavor = "multi_thread")]
async fn an_on_delete_set_keeps_its_terms_through_the_older_version() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let terms = json!({
        "podUpdatePolicy": "InPlaceIfPossible", "partition": 1, "maxUnavailable": 1,
    });
    let mut spec = small(0, json!(null));
    spec["updateStrategy"] = json!({ "type": "OnDelete", "rollingUpdate": terms });
    spec["scaleStrategy"] = json!({ "excludePreparingDelete": true });
    sets.create("web", spec).await.unwrap();

    let older = test.workload(CLONESETS_V1ALPHA1);
    // Whatever is written, the whole object is judged; a patch doesn't mind that the status is written meanwhile.
    let label = json!({ "metadata": { "labels": { "seen": "yes" } } });
    let written = older.try_patch("web", label).await;
    let refused = written.unwrap_err().to_string();
    assert!(refused.contains("spec.updateStrategy.type"), "{refused}");

    older.scale("web", 1).await;
    let set: Value = sets.get("web").await;
    assert_eq!(set["spec"]["replicas"], 1);
    assert_eq!(
        set["spec"]["updateStrategy"],
        json!({ "type": "OnDelete", "rollingUpdate": terms })
    );
    assert_eq!(set["spec"]["scaleStrategy"]["excludePreparingDelete"], true);
}

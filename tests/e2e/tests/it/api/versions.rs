//! Both versions of an object, converted by the deployable that owns the kind.

use std::{collections::BTreeMap, path::PathBuf};

use e2e::{
    Namespace, PATIENCE, PodFacts, Test,
    cloneset::spec,
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, CLONESETS_V1ALPHA1},
    pods::uids,
    templates::image,
};
use kruise_api::conversion::convert;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{samples::differences, scratch::Scratch};

fn samples() -> impl Iterator<Item = PathBuf> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/samples/cloneset");
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
}

// CS-3, CS-4
#[tokio::test(flavor = "multi_thread")]
async fn samples_applied_in_one_version_are_read_in_the_other() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let cluster = test.cluster;
    for path in samples() {
        let (ok, text) = cluster.kubectl(&[
            "apply",
            "--namespace",
            &test.name,
            "--filename",
            path.to_str().unwrap(),
        ]);
        assert!(ok, "{}: {text}", path.display());
    }
    let stored = sets.api().list(&ListParams::default()).await.unwrap();
    assert!(stored.items.len() > 3);
    for object in stored.items {
        let name = object.metadata.name.clone().unwrap();
        let mut object = serde_json::to_value(object).unwrap();
        let other = read(&test, "v1alpha1", &name);
        assert_eq!(other["apiVersion"], "apps.kruise.io/v1alpha1");
        // The items of a list needn't say what they are.
        object["apiVersion"] = json!("apps.kruise.io/v1beta1");
        object["kind"] = json!("CloneSet");
        let converted = convert(object, "apps.kruise.io/v1alpha1").unwrap();
        let mut spec = other["spec"].clone();
        // The controller may have taken names off the list meanwhile.
        if let Some(scale) = converted["spec"].get("scaleStrategy")
            && let Some(names) = scale.get("podsToDelete")
        {
            spec["scaleStrategy"]["podsToDelete"] = names.clone();
        }
        assert_eq!(spec, converted["spec"], "{name}");
        for field in ["labels", "annotations"] {
            assert_eq!(
                other["metadata"][field], converted["metadata"][field],
                "{name}"
            );
        }
    }
}

/// What `kubectl get` shows of a CloneSet in a version.
fn read(test: &Namespace, version: &str, name: &str) -> Value {
    let resource = format!("clonesets.{version}.apps.kruise.io/{name}");
    let arguments = ["get", "-n", &test.name, &resource, "-o", "json"];
    let (ok, text) = test.cluster.kubectl(&arguments);
    assert!(ok, "{text}");
    // Warnings may follow.
    let mut values = serde_json::Deserializer::from_str(&text).into_iter();
    values.next().unwrap().unwrap()
}

// CS-1, CS-2: what a user of the older version writes, a user of the newer one finds, field by field.
#[tokio::test(flavor = "multi_thread")]
async fn samples_applied_in_the_older_version_are_read_in_the_newer() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let directory = tempfile::TempDir::new().unwrap();
    for path in samples() {
        let text = std::fs::read_to_string(&path).unwrap();
        let sample: Value = serde_yaml_ng::from_str(&text).unwrap();
        let name = sample["metadata"]["name"].as_str().unwrap().to_owned();
        let mut older = convert(sample.clone(), "apps.kruise.io/v1alpha1").unwrap();
        assert_eq!(older["apiVersion"], "apps.kruise.io/v1alpha1");
        // In this version they must be pods of the CloneSet (CS-14).
        if let Some(scale) = older["spec"]["scaleStrategy"].as_object_mut() {
            scale.remove("podsToDelete");
        }
        let file = directory.path().join("older.json");
        std::fs::write(&file, older.to_string()).unwrap();
        let (ok, said) = test.cluster.kubectl(&[
            "apply",
            "--namespace",
            &test.name,
            "--filename",
            file.to_str().unwrap(),
        ]);
        assert!(ok, "{name}: {said}");
        let mut spec = read(&test, "v1beta1", &name)["spec"].clone();
        if let Some(names) = sample["spec"].pointer("/scaleStrategy/podsToDelete") {
            spec["scaleStrategy"]["podsToDelete"] = names.clone();
        }
        let mut changed = vec![];
        differences("spec", &sample["spec"], &spec, &mut changed);
        assert_eq!(changed, [""; 0], "{name}");
    }
}

// CS-1
#[tokio::test(flavor = "multi_thread")]
async fn an_object_made_in_v1alpha1_is_run_and_updated_in_place() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut old = spec(2, json!({}));
    old["updateStrategy"] = json!({ "type": "InPlaceIfPossible", "maxUnavailable": "100%" });
    let older = test.workload(CLONESETS_V1ALPHA1);
    older.create("web", old).await.unwrap();
    let stored = sets.get("web").await;
    let strategy = &stored["spec"]["updateStrategy"];
    assert_eq!(strategy["type"], "RollingUpdate");
    assert_eq!(
        strategy["rollingUpdate"]["podUpdatePolicy"],
        "InPlaceIfPossible"
    );
    assert_eq!(stored["spec"]["scaleStrategy"]["enablePVCReuse"], true);
    sets.rolled_out("web").await;
    let before: BTreeMap<String, PodFacts> = test.pods().facts().await;

    older.set_app_image("web", &image(2)).await;
    sets.rolled_out("web").await;
    let after = test.pods().facts().await;
    assert_eq!(uids(&after), uids(&before));
    assert!(after.values().all(|pod| pod.images["app"] == image(2)));
    // Its status is the same in both.
    let seen = older.get("web").await;
    assert_eq!(seen["status"], sets.get("web").await["status"]);
    assert_eq!(seen["spec"]["updateStrategy"]["type"], "InPlaceIfPossible");
}

/// As long as nothing converts, the stored version works and the other says why it doesn't.
// PF-402
#[tokio::test(flavor = "multi_thread")]
async fn without_a_converter_v1alpha1_is_an_error_and_v1beta1_works() {
    let test = Test::of_api_server().begin().await;
    let scratch = Scratch::create(&test, "CloneSet", true).await;
    let object = scratch.object("v1beta1", "web", &spec(0, json!({})));
    scratch
        .api("v1beta1")
        .create(&PostParams::default(), &object)
        .await
        .unwrap();
    scratch.convert_by("absent-service").await;
    eventually("an answer about conversion", PATIENCE, || async {
        match scratch.api("v1alpha1").get("web").await {
            Ok(_) => Err("an answer".to_owned()),
            Err(error) if error.to_string().contains("absent-service") => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
    scratch.api("v1beta1").get("web").await.unwrap();
    let patch = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
    scratch
        .api("v1beta1")
        .patch("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
}

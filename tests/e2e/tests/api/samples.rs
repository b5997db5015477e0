//! The samples, as a user applies them.

use std::path::PathBuf;

use e2e::{Cluster, Namespace, undisturbed};
use serde_json::{Value, json};

fn samples() -> Vec<PathBuf> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/samples/cloneset");
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_cloneset_read_back_as_they_were_applied() {
    let _guard = undisturbed().await;
    let test = Namespace::create("samples").await;
    let cluster = Cluster::get().await;
    let mut names = Vec::new();
    for path in samples() {
        let (ok, text) = cluster.kubectl(&[
            "apply",
            "--warnings-as-errors",
            "--namespace",
            &test.name,
            "--filename",
            path.to_str().unwrap(),
        ]);
        assert!(ok, "{}: {text}", path.display());
        let applied: Value =
            serde_yaml_ng::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = applied["metadata"]["name"].as_str().unwrap();
        let stored = test.clone_set(name).await;
        assert_eq!(stored["apiVersion"], "apps.kruise.io/v1beta1");
        let mut spec = stored["spec"].clone();
        // The schema's one default; and the controller takes names off the list that are no pods.
        if let Some(scale) = applied["spec"].get("scaleStrategy") {
            assert_eq!(scale["enablePVCReuse"], true);
            spec["scaleStrategy"]["podsToDelete"] = scale["podsToDelete"].clone();
        }
        assert_eq!(spec, applied["spec"], "{name}");
        names.push(name.to_owned());
    }
    for wanted in ["minimal", "every-field"] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
}

/// The one default of the schema, on an object that leaves the field open.
#[tokio::test(flavor = "multi_thread")]
async fn claims_are_not_reused_unless_asked_for() {
    let _guard = undisturbed().await;
    let test = Namespace::create("default").await;
    let mut spec = e2e::namespace::spec(0, json!({}));
    spec["scaleStrategy"] = json!({ "maxUnavailable": 1 });
    test.create_clone_set("web", spec).await.unwrap();
    assert_eq!(
        test.clone_set("web").await["spec"]["scaleStrategy"],
        json!({ "maxUnavailable": 1, "enablePVCReuse": false })
    );
}

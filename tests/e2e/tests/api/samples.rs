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
        // The controller takes names off the list that are no pods.
        if let Some(scale) = applied["spec"].get("scaleStrategy") {
            assert_eq!(scale["enablePVCReuse"], true);
            spec["scaleStrategy"]["podsToDelete"] = scale["podsToDelete"].clone();
        }
        let mut changed = vec![];
        differences("spec", &applied["spec"], &spec, &mut changed);
        assert_eq!(changed, [""; 0], "{name}");
        names.push(name.to_owned());
    }
    for wanted in ["minimal", "every-field"] {
        assert!(names.iter().any(|name| name == wanted), "{names:?}");
    }
}

/// Where what is stored isn't what was applied. Admission may add fields that were left open.
pub(crate) fn differences(path: &str, applied: &Value, stored: &Value, found: &mut Vec<String>) {
    match (applied, stored) {
        (Value::Object(applied), Value::Object(stored)) => {
            for (field, applied) in applied {
                let stored = stored.get(field).unwrap_or(&Value::Null);
                differences(&format!("{path}.{field}"), applied, stored, found);
            }
        }
        (Value::Array(applied), Value::Array(stored)) if applied.len() == stored.len() => {
            for (idx, (applied, stored)) in applied.iter().zip(stored).enumerate() {
                differences(&format!("{path}[{idx}]"), applied, stored, found);
            }
        }
        _ if applied == stored => {}
        _ => found.push(format!("{path}: {applied} became {stored}")),
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

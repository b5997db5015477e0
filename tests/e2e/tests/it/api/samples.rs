//! The samples, as a user applies them.

use std::path::PathBuf;

use e2e::{
    Test,
    names::{CLONESET_CONTROLLER, CLONESETS},
};
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
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let cluster = test.cluster;
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
        let stored = sets.get(name).await;
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
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = e2e::cloneset::spec(0, json!({}));
    spec["scaleStrategy"] = json!({ "maxUnavailable": 1 });
    sets.create("web", spec).await.unwrap();
    assert_eq!(
        sets.get("web").await["spec"]["scaleStrategy"],
        json!({ "maxUnavailable": 1, "enablePVCReuse": false })
    );
}

//! The sample with every field has every field.

use std::collections::BTreeSet;

use localkube::workspace;
use serde_json::Value;

use crate::conformance::manifest;

/// Only one of the two forms of a priority strategy is allowed; the sample has the other in a comment.
const OTHER_FORM: &str = "spec.updateStrategy.rollingUpdate.priorityStrategy.weightPriority";

#[test]
fn cloneset() {
    let crd = kruise_api::crd::all()
        .into_iter()
        .find(|crd| crd["spec"]["names"]["kind"] == "CloneSet")
        .unwrap();
    let fields: BTreeSet<String> = manifest::read(&crd).unwrap().versions["v1beta1"]
        .keys()
        .filter(|path| path.starts_with("spec.") && !path.starts_with(OTHER_FORM))
        // A hook is the same under each of the three names.
        .filter(|path| !path.starts_with("spec.lifecycle.") || path.matches('.').count() == 2)
        // Members of lists and maps come with their fields.
        .filter(|path| !path.ends_with("[]") && !path.ends_with("{}"))
        .cloned()
        .collect();
    assert!(fields.len() > 30, "{fields:?}");
    let path = workspace::root().join("deploy/samples/cloneset/every-field.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let sample: Value = serde_yaml_ng::from_str(&text).unwrap();
    let mut there = BTreeSet::new();
    collect("spec", &sample["spec"], &mut there);
    let missing: Vec<_> = fields.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for hook in ["labelsHandler", "finalizersHandler", "markPodNotReady"] {
        assert!(text.contains(hook), "{hook}");
    }
}

fn collect(path: &str, value: &Value, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                collect(&format!("{path}.{name}"), value, paths);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(&format!("{path}[]"), item, paths);
            }
        }
        _ => {}
    }
}

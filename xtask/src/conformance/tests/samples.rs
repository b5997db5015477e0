//! The samples with every field have every field.

use std::collections::BTreeSet;

use localkube::workspace;
use serde_json::Value;

use crate::conformance::manifest;

/// Only one of the two forms of a priority strategy is allowed; the sample has the other in a comment.
const OTHER_FORM: &str = "spec.updateStrategy.rollingUpdate.priorityStrategy.weightPriority";

/// Paths of the fields of a kind's spec. Members of lists and maps come with their fields.
fn fields(kind: &str) -> BTreeSet<String> {
    let crd = kruise_api::crd::all()
        .into_iter()
        .find(|crd| crd["spec"]["names"]["kind"] == kind)
        .unwrap();
    manifest::read(&crd).unwrap().versions["v1beta1"]
        .keys()
        .filter(|path| path.starts_with("spec."))
        .filter(|path| !path.ends_with("[]") && !path.ends_with("{}"))
        .cloned()
        .collect()
}

/// The sample of a deployable's choice, and the paths that its spec has.
fn sample(choice: &str) -> (String, BTreeSet<String>) {
    let path = format!("deploy/samples/{choice}/every-field.yaml");
    let text = std::fs::read_to_string(workspace::root().join(path)).unwrap();
    let sample: Value = serde_yaml_ng::from_str(&text).unwrap();
    let mut there = BTreeSet::new();
    collect("spec", &sample["spec"], &mut there);
    (text, there)
}

#[test]
fn cloneset() {
    let mut fields = fields("CloneSet");
    fields.retain(|path| {
        // A hook is the same under each of the three names.
        !path.starts_with(OTHER_FORM)
            && (!path.starts_with("spec.lifecycle.") || path.matches('.').count() == 2)
    });
    assert!(fields.len() > 30, "{fields:?}");
    let (text, there) = sample("cloneset");
    let missing: Vec<_> = fields.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for hook in ["labelsHandler", "finalizersHandler", "markPodNotReady"] {
        assert!(text.contains(hook), "{hook}");
    }
}

#[test]
fn broadcastjob() {
    let fields = fields("BroadcastJob");
    assert!(fields.len() > 8, "{fields:?}");
    let (_, there) = sample("broadcastjob");
    let missing: Vec<_> = fields.difference(&there).collect();
    assert!(missing.is_empty(), "{missing:?}");
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

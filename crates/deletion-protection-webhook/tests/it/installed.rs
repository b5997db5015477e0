//! What is installed, beside the rules of the specification.

use deletion_protection_webhook::{NAME, protected::ProtectedKind};
use kruise_testkit::manifests;
use serde_json::{Value, json};

use crate::requests::{LABEL, names};

fn configuration() -> Value {
    let path = format!("deploy/base/{NAME}/webhooks.yaml");
    let mut documents = manifests::read(&path);
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn entries(configuration: &Value) -> impl Iterator<Item = &Value> {
    configuration["webhooks"].as_array().unwrap().iter()
}

/// The versions that rules name.
fn versions(kind: ProtectedKind) -> &'static [&'static str] {
    match kind {
        ProtectedKind::CustomResourceDefinition | ProtectedKind::Ingress => &["v1", "v1beta1"],
        _ => &["v1"],
    }
}

// DP-1, PF-201, PF-202, PF-209, DV-DP4: each kind is asked about by whoever deletes, and what lives in namespaces by the
// namespace controller in an entry of its own.
#[test]
fn every_kind_is_asked_about_where_it_is_labelled() {
    let configuration = configuration();
    let name = format!("kruise-{NAME}-validating-webhook-configuration");
    assert_eq!(configuration["metadata"]["name"], name);
    for kind in ProtectedKind::ALL {
        let of_kind = |entry: &&Value| entry["clientConfig"]["service"]["path"] == kind.path();
        let found: Vec<_> = entries(&configuration).filter(of_kind).collect();
        let [group, _, plural, _] = names(kind);
        let counts = [
            ProtectedKind::Namespace,
            ProtectedKind::CustomResourceDefinition,
        ]
        .contains(&kind);
        let rule = json!({
            "apiGroups": [group], "apiVersions": versions(kind), "operations": ["DELETE"], "resources": [plural],
            "scope": if counts { "Cluster" } else { "Namespaced" },
        });
        let selector = json!({ "matchExpressions": [{ "key": LABEL, "operator": "Exists" }] });
        for entry in &found {
            assert_eq!(entry["rules"], json!([rule]));
            assert_eq!(entry["objectSelector"], selector);
            assert_eq!(entry.get("namespaceSelector"), None);
            assert_eq!(entry["sideEffects"], "None");
            assert_eq!(entry["timeoutSeconds"], if counts { 10 } else { 3 });
        }
        let policies: Vec<_> = found.iter().map(|entry| &entry["failurePolicy"]).collect();
        if counts {
            assert_eq!(policies, ["Fail"]);
        } else {
            assert_eq!(policies, ["Fail", "Ignore"]);
        }
    }
    assert_eq!(entries(&configuration).count(), 12);
}

// PF-201
#[test]
fn entries_are_called_as_in_open_kruise() {
    let configuration = configuration();
    let fail = entries(&configuration).filter(|entry| entry["failurePolicy"] == "Fail");
    let names: Vec<_> = fail.map(|entry| entry["name"].as_str().unwrap()).collect();
    let expected = [
        "vnamespace.kb.io",
        "vcustomresourcedefinition.kb.io",
        "vbuiltindeployment.kb.io",
        "vbuiltinreplicaset.kb.io",
        "vbuiltinstatefulset.kb.io",
        "vservice.kb.io",
        "vingress.kb.io",
    ];
    assert_eq!(names, expected);
}

fn container() -> Value {
    let documents = manifests::read(&format!("deploy/base/{NAME}/deployment.yaml"));
    documents[0]["spec"]["template"]["spec"]["containers"][0].clone()
}

// DP-31: who installs it wants it.
#[test]
fn protection_is_on_where_it_is_installed() {
    let expected = json!(["--feature-gates=ResourcesDeletionProtection=true"]);
    assert_eq!(container()["args"], expected);
}

fn patches(component: &str) -> Vec<Value> {
    let path = format!("deploy/components/{component}/kustomization.yaml");
    let component = manifests::read(&path).remove(0);
    component["patches"].as_array().unwrap().clone()
}

fn operations(patch: &Value) -> Vec<Value> {
    serde_yaml_ng::from_str(patch["patch"].as_str().unwrap()).unwrap()
}

// The components are written by hand: they have to name what is generated. PF-202: as OpenKruise's chart has it.
#[test]
fn the_component_lets_labelled_objects_go_while_nobody_answers() {
    let configuration = configuration();
    let [patch] = &patches("deletion-protection-fail-open")[..] else {
        panic!("one patch");
    };
    assert_eq!(patch["target"]["kind"], configuration["kind"]);
    assert_eq!(patch["target"]["name"], configuration["metadata"]["name"]);
    let mut changed = configuration.clone();
    for operation in operations(patch) {
        assert_eq!(operation["op"], "replace");
        let at = changed.pointer_mut(operation["path"].as_str().unwrap());
        let at = at.unwrap();
        assert_eq!(*at, "Fail", "{operation}");
        *at = operation["value"].clone();
    }
    assert!(entries(&changed).all(|entry| entry["failurePolicy"] == "Ignore"));
}

// DP-17, DP-30, PF-613
#[test]
fn the_component_for_definitions_brings_the_gate_and_the_right() {
    let [patch] = &patches("deletion-protection-crds")[..] else {
        panic!("one patch");
    };
    assert_eq!(
        patch["target"],
        json!({ "kind": "Deployment", "name": NAME })
    );
    let gates = crate::cluster::WITH_CUSTOM_RESOURCES;
    let expected = json!({
        "op": "replace", "path": "/spec/template/spec/containers/0/args/0", "value": gates,
    });
    assert_eq!(operations(patch), [expected]);
    assert!(container()["args"][0].is_string());

    let role = manifests::read("deploy/components/deletion-protection-crds/rbac.yaml");
    let rule = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["list"] });
    assert_eq!(role[0]["rules"], json!([rule]));
    let [binding] = &role[1..] else {
        panic!("a role and its binding");
    };
    assert_eq!(binding["roleRef"]["name"], role[0]["metadata"]["name"]);
    assert_eq!(binding["subjects"][0]["name"], NAME);
}

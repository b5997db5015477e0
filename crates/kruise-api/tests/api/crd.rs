//! What holds for every CRD, whatever the reference says. `cargo xtask conformance` compares with the
//! reference.

use kruise_api::crd;
use serde_json::Value;

fn cloneset() -> Value {
    crd::all()
        .into_iter()
        .find(|crd| crd["spec"]["names"]["kind"] == "CloneSet")
        .unwrap()
}

fn version(crd: &Value) -> &Value {
    versions(crd)
        .find(|version| version["name"] == "v1beta1")
        .unwrap()
}

fn versions(crd: &Value) -> impl Iterator<Item = &Value> {
    crd["spec"]["versions"].as_array().into_iter().flatten()
}

/// The schemas of all versions of all kinds.
fn schemas(of: &[Value]) -> impl Iterator<Item = &Value> {
    let versions = of.iter().flat_map(versions);
    versions.map(|version| &version["schema"]["openAPIV3Schema"])
}

/// Structural: a type on each node, and none of the keywords that the API server refuses.
#[test]
fn schema_is_structural() {
    fn check(path: &str, value: &Value) {
        let schema = value.as_object().unwrap();
        for keyword in [
            "$ref",
            "$defs",
            "$schema",
            "definitions",
            "title",
            "const",
            "oneOf",
        ] {
            assert!(!schema.contains_key(keyword), "{keyword} at {path}");
        }
        let described = schema.contains_key("type")
            || schema.contains_key("x-kubernetes-int-or-string")
            || schema.contains_key("x-kubernetes-preserve-unknown-fields");
        assert!(
            described && !value["type"].is_array(),
            "no single type at {path}: {value}"
        );
        for (name, property) in value["properties"].as_object().into_iter().flatten() {
            check(&format!("{path}.{name}"), property);
        }
        for child in ["items", "additionalProperties"] {
            if let Some(child) = value.get(child) {
                check(path, child);
            }
        }
    }
    schemas(&crd::all()).for_each(|schema| check("", schema));
}

#[test]
fn refusals_name_the_field_cs_11() {
    let crd = cloneset();
    let spec = &version(&crd)["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let rules = |field: &str| {
        let rules = spec[field]["x-kubernetes-validations"]
            .as_array()
            .unwrap()
            .clone();
        rules
            .into_iter()
            .map(|rule| rule["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        rules("replicas").collect::<Vec<_>>(),
        ["spec.replicas must be greater than or equal to 0"]
    );
    assert!(rules("selector").all(|message| message.starts_with("spec.selector ")));
}

/// `kubectl explain` shows descriptions to people who know neither our rules nor Rust.
#[test]
fn descriptions_are_for_users() {
    fn check(value: &Value) {
        if let Some(text) = value["description"].as_str() {
            let ours = [
                "AC-", "AS-", "BJ-", "CR-", "CS-", "DS-", "DV-", "EJ-", "IJ-", "IP-", "NI-", "PB-",
                "PP-", "PS-", "RD-", "SS-", "UD-", "WS-", "[`", "crate::", "\n",
            ];
            assert!(!ours.iter().any(|word| text.contains(word)), "{text}");
        }
        for child in value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, child)| child)
        {
            check(child);
        }
    }
    schemas(&crd::all()).for_each(check);
}

#[test]
fn manifest_has_its_keys_in_order() {
    fn check(value: &Value) {
        match value {
            Value::Object(map) => {
                assert!(map.keys().is_sorted(), "{:?}", map.keys());
                map.values().for_each(check);
            }
            Value::Array(items) => items.iter().for_each(check),
            _ => {}
        }
    }
    crd::all().iter().for_each(check);
}

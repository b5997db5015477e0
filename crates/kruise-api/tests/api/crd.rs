use std::collections::BTreeSet;

use kruise_api::crd;
use serde_json::Value;

const TABLE: &str = include_str!("../../../../docs/spec/crds/clonesets.v1beta1.tsv");
const INDEX: &str = include_str!("../../../../docs/spec/crds/index.json");

fn cloneset() -> Value {
    crd::all()
        .into_iter()
        .find(|crd| crd["spec"]["names"]["kind"] == "CloneSet")
        .unwrap()
}

fn version(crd: &Value) -> &Value {
    let versions = crd["spec"]["versions"].as_array().unwrap();
    versions
        .iter()
        .find(|version| version["name"] == "v1beta1")
        .unwrap()
}

/// Every node of the generated schema as a line of the table: path, type, required, constraints.
fn lines(path: &str, schema: &Value, required: bool, lines: &mut BTreeSet<String>) {
    let is_int_or_string = schema["x-kubernetes-int-or-string"] == true;
    let type_ = if is_int_or_string {
        "int-or-string"
    } else {
        schema["type"].as_str().unwrap_or("")
    };
    let mut constraints = Vec::new();
    let columns = [
        ("format", "format"),
        ("default", "default"),
        ("x-kubernetes-list-type", "list-type"),
        ("x-kubernetes-map-type", "map-type"),
        (
            "x-kubernetes-preserve-unknown-fields",
            "preserve-unknown-fields",
        ),
        ("enum", "enum"),
        ("minimum", "minimum"),
        ("maximum", "maximum"),
        ("pattern", "pattern"),
        ("nullable", "nullable"),
    ];
    for (keyword, column) in columns {
        if let Some(value) = schema.get(keyword) {
            constraints.push(format!("{column}={value}"));
        }
    }
    if !path.is_empty() {
        let required = if required { "required" } else { "" };
        lines.insert(format!(
            "{path}\t{type_}\t{required}\t{}",
            constraints.join(" ")
        ));
    }
    let is_required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|it| it == name))
    };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        self::lines(&path, property, is_required(name), lines);
    }
    if let Some(items) = schema.get("items") {
        self::lines(&format!("{path}[]"), items, false, lines);
    }
    if let Some(values) = schema.get("additionalProperties") {
        self::lines(&format!("{path}{{}}"), values, false, lines);
    }
}

#[test]
fn schema_is_the_reference_s_to_the_last_field() {
    let crd = cloneset();
    let mut generated = BTreeSet::new();
    lines(
        "",
        &version(&crd)["schema"]["openAPIV3Schema"],
        false,
        &mut generated,
    );
    let ours = ["apiVersion", "kind", "metadata"];
    generated.retain(|line| !ours.contains(&line.split('\t').next().unwrap()));
    let wanted: BTreeSet<String> = TABLE.lines().skip(1).map(str::to_owned).collect();
    let missing: Vec<_> = wanted.difference(&generated).collect();
    let surplus: Vec<_> = generated.difference(&wanted).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing {missing:#?} surplus {surplus:#?}"
    );
}

#[test]
fn names_columns_and_subresources_are_the_reference_s() {
    let index: Vec<Value> = serde_json::from_str(INDEX).unwrap();
    let entry = index
        .iter()
        .find(|entry| entry["kind"] == "CloneSet" && entry["version"] == "v1beta1")
        .unwrap();
    let crd = cloneset();
    let spec = &crd["spec"];
    assert_eq!(spec["group"], entry["group"]);
    assert_eq!(spec["scope"], entry["scope"]);
    for name in ["kind", "plural", "singular", "shortNames"] {
        assert_eq!(spec["names"][name], entry[name], "{name}");
    }
    let version = version(&crd);
    assert_eq!(version["name"], entry["version"]);
    assert_eq!(version["served"], entry["served"]);
    assert_eq!(version["storage"], entry["storage"]);
    assert_eq!(version["subresources"], entry["subresources"]);
    assert_eq!(version["additionalPrinterColumns"], entry["printerColumns"]);
    assert_eq!(crd["metadata"]["name"], "clonesets.apps.kruise.io");
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
    check("", &version(&cloneset())["schema"]["openAPIV3Schema"]);
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

/// `kubectl explain` shows them to people who know neither our rules nor Rust.
#[test]
fn descriptions_are_for_users() {
    fn check(value: &Value) {
        if let Some(text) = value["description"].as_str() {
            let ours = ["IP-", "CS-", "DV-", "[`", "crate::", "\n"];
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
    check(&version(&cloneset())["schema"]["openAPIV3Schema"]);
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

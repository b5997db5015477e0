//! Objects made from a CRD's schema: whatever field a kind has, now or later, occurs in them.

use std::{collections::BTreeSet, sync::LazyLock};

use kruise_api::crd;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

/// The CRD of a kind.
pub(crate) fn definition(kind: &str) -> &'static Value {
    // Made once: there is more than one question about it for each generated object.
    static ALL: LazyLock<Vec<Value>> = LazyLock::new(crd::all);
    let mut crds = ALL.iter();
    crds.find(|crd| crd["spec"]["names"]["kind"] == kind)
        .unwrap()
}

/// Schema of a version of a kind.
pub(crate) fn schema(kind: &str, version: &str) -> &'static Value {
    let crd = definition(kind);
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|it| it["name"] == version).unwrap();
    &version["schema"]["openAPIV3Schema"]
}

/// Names and values that mean something in some field.
const WORDS: &[&str] = &[
    "",
    "a",
    "app",
    "web-x1",
    "True",
    "In",
    "0",
    "5",
    "-1",
    "20%",
    "33.4%",
    "100%",
    "true",
    "RollingUpdate",
    "OnDelete",
    "ReCreate",
    "InPlaceIfPossible",
    "InPlaceOnly",
    "Always",
    "@every 5m",
    "Surging",
    r#"{"ordinals":{"start":2}}"#,
    "example.com/hook",
    "é\u{2028}<&>",
    "2026-01-10T08:00:00Z",
    "DELETE, UPDATE",
    "apps/v1",
    "WhenDeleted",
    "PreRecreateGrace",
    r#"[{"name":"app","ready":true,"restartCount":1}]"#,
    r#"{"matchLabels":{"a":"b"}}"#,
    "HTTP",
    "Succeeded",
    "marker#probe",
    "/ready?full#now",
    "HotUpgrade",
    "enabled",
    "NotUpdate",
    "metadata.labels['a']",
    "max(cpu*50%, 100m)",
];

/// What else an object's metadata may carry: what the versions of a kind keep there, and anything.
const MARKS: &[&str] = &[
    "apps.kruise.io/cloneset-scaling-exclude-preparing-delete",
    "apps.kruise.io/image-predownload-parallelism",
    "apps.kruise.io/image-predownload-timeout-seconds",
    "apps.kruise.io/image-predownload-min-updated-ready-pods",
    "apps.kruise.io/cloneset-on-delete-pod-update-policy",
    "kruise.io/pub-protect-operations",
    "pub.kruise.io/protect-total-replicas",
    "pub.kruise.io/ignored-pod-selector",
    "daemonset.kruise.io/progressive-create-pod",
    "apps.kruise.io/statefulset-v1beta1-spec",
    "crr.apps.kruise.io/sync-container-statuses",
    "crr.apps.kruise.io/unready-acquired",
    "apps.kruise.io/sidecarset-custom-version",
    "apps.kruise.io/sidecarset-canary",
    "apps.kruise.io/sidecarset-base",
    "other",
];

/// Objects of this version, with or without fields that nobody knows.
pub(crate) fn objects(kind: &str, version: &str, with_unknown: bool) -> BoxedStrategy<Value> {
    let group = definition(kind)["spec"]["group"]
        .as_str()
        .map(str::to_owned);
    let (kind, api_version) = (kind.to_owned(), format!("{}/{version}", group.unwrap()));
    let schema = schema(&kind, version);
    let part = |name: &str| values(&schema["properties"][name], with_unknown);
    let marks = || prop::collection::btree_map(prop::sample::select(MARKS), word(), 0..4);
    (part("spec"), part("status"), marks(), marks())
        .prop_map(move |(spec, status, labels, annotations)| {
            json!({
                "apiVersion": api_version,
                "kind": kind,
                "metadata": {
                    "name": "web",
                    "namespace": "default",
                    "uid": "u1",
                    "labels": labels,
                    "annotations": annotations,
                },
                "spec": spec,
                "status": status,
            })
        })
        .boxed()
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(WORDS)
}

fn values(schema: &Value, with_unknown: bool) -> BoxedStrategy<Value> {
    let words = || word().prop_map(Value::from);
    let numbers = || {
        let edges = prop::sample::select(vec![0, 1, -1, i32::MIN, i32::MAX]);
        prop_oneof![edges, any::<i32>()].prop_map(Value::from)
    };
    if schema["x-kubernetes-int-or-string"] == true {
        return prop_oneof![numbers(), words()].boxed();
    }
    if schema["x-kubernetes-embedded-resource"] == true {
        let object =
            |kind: &str| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "a" } });
        return prop::sample::select(vec![object("Secret"), object("Widget")]).boxed();
    }
    if schema["x-kubernetes-preserve-unknown-fields"] == true && schema.get("properties").is_none()
    {
        // Pod templates, and lists of volumes, volume claims and of ephemeral containers. What they hold plays no role here.
        let claims = json!([{ "metadata": { "name": "data" }, "spec": null }]);
        let template =
            json!({ "metadata": { "labels": { "a": "b" } }, "spec": { "x": [1, null] } });
        let containers = json!([{ "name": "a", "env": [{ "name": "A" }], "ports": null }]);
        let what = schema["description"].as_str().unwrap_or_default();
        return Just(if what.starts_with("Volume") {
            claims
        } else if what.starts_with("Ephemeral containers") {
            containers
        } else {
            template
        })
        .boxed();
    }
    if let Some(words) = schema["enum"].as_array() {
        return prop::sample::select(words.clone()).boxed();
    }
    match schema["type"].as_str().unwrap() {
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let least = schema["minimum"].as_i64().unwrap_or(i64::MIN);
            numbers()
                .prop_map(move |number| json!(number.as_i64().map(|number| number.max(least))))
                .boxed()
        }
        "string" if schema["format"] == "date-time" => Just(json!("2026-01-10T08:00:00Z")).boxed(),
        "string" => words().boxed(),
        "array" => prop::collection::vec(values(&schema["items"], with_unknown), 0..3)
            .prop_map(Value::from)
            .boxed(),
        "object" if schema.get("additionalProperties").is_some() => {
            let value = values(&schema["additionalProperties"], with_unknown);
            prop::collection::btree_map(word(), value, 0..3)
                .prop_map(|map| json!(map))
                .boxed()
        }
        "object" => object(schema, with_unknown),
        other => panic!("no values of type {other}"),
    }
}

fn object(schema: &Value, with_unknown: bool) -> BoxedStrategy<Value> {
    let required: BTreeSet<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut members = Just(Map::new()).boxed();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let name = name.clone();
        let value = values(property, with_unknown);
        let value = if required.contains(name.as_str()) {
            value.prop_map(Some).boxed()
        } else {
            prop::option::of(value).boxed()
        };
        members = (members, value)
            .prop_map(move |(mut members, value)| {
                if let Some(value) = value {
                    members.insert(name.clone(), value);
                }
                members
            })
            .boxed();
    }
    // Selectors are Kubernetes' own and will not grow.
    let may_grow =
        with_unknown && schema["x-kubernetes-map-type"].is_null() && !required.contains("operator");
    let members = if schema["x-kubernetes-preserve-unknown-fields"] == true {
        (members, fields_of_a_container())
            .prop_map(|(mut members, fields)| {
                members.extend(fields);
                members
            })
            .boxed()
    } else {
        members
    };
    let unknown = if may_grow {
        prop::option::of(words_of_the_future()).boxed()
    } else {
        Just(None).boxed()
    };
    (members, unknown)
        .prop_map(|(mut members, unknown)| {
            if let Some(unknown) = unknown {
                members.insert("futureField".to_owned(), unknown);
            }
            Value::Object(members)
        })
        .boxed()
}

/// What is not described in an object that has fields of its own besides: it is a container.
fn fields_of_a_container() -> impl Strategy<Value = Map<String, Value>> {
    let fields = json!({
        "name": "main", "image": "nginx", "restartPolicy": "Always", "resources": { "limits": { "cpu": "1.0" } },
        "env": [{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }],
    });
    let fields: Vec<_> = fields.as_object().unwrap().clone().into_iter().collect();
    prop::sample::subsequence(fields, 0..=5).prop_map(Map::from_iter)
}

fn words_of_the_future() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(1.5),
        json!({ "a": [1, { "b": null }] }),
    ])
}

/// Every path of a schema below `spec` and `status`, as docs/spec/crds writes paths.
pub(crate) fn schema_paths(schema: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for part in ["spec", "status"] {
        collect_schema(part.to_owned(), &schema["properties"][part], &mut paths);
    }
    paths
}

fn collect_schema(path: String, schema: &Value, paths: &mut BTreeSet<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect_schema(format!("{path}.{name}"), property, paths);
    }
    if let Some(items) = schema.get("items") {
        collect_schema(format!("{path}[]"), items, paths);
    }
    if let Some(values) = schema.get("additionalProperties") {
        collect_schema(format!("{path}{{}}"), values, paths);
    }
    paths.insert(path);
}

/// The paths of the schema that occur in a value.
fn value_paths(path: String, schema: &Value, value: &Value, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if schema.get("additionalProperties").is_some() => {
            for value in members.values() {
                value_paths(
                    format!("{path}{{}}"),
                    &schema["additionalProperties"],
                    value,
                    paths,
                );
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if let Some(property) = schema["properties"].get(name) {
                    value_paths(format!("{path}.{name}"), property, value, paths);
                }
            }
        }
        Value::Array(items) if schema.get("items").is_some() => {
            for item in items {
                value_paths(format!("{path}[]"), &schema["items"], item, paths);
            }
        }
        _ => {}
    }
    paths.insert(path);
}

/// Fields of the schema that none of so many generated objects has. Objects are made until each field has been seen.
pub(crate) fn fields_not_reached(kind: &str, version: &str, n_objects: usize) -> Vec<String> {
    let schema = schema(kind, version);
    let strategy = objects(kind, version, false);
    let mut runner = TestRunner::deterministic();
    let mut missed = schema_paths(schema);
    assert!(missed.len() > 20, "{missed:?}");
    for _ in 0..n_objects {
        let object = strategy.new_tree(&mut runner).unwrap().current();
        let mut reached = BTreeSet::new();
        for part in ["spec", "status"] {
            value_paths(
                part.to_owned(),
                &schema["properties"][part],
                &object[part],
                &mut reached,
            );
        }
        missed.retain(|path| !reached.contains(path));
        if missed.is_empty() {
            break;
        }
    }
    missed.into_iter().collect()
}

/// How often properties are tried, without files for failures: the seed is printed.
pub(crate) fn config() -> Config {
    Config {
        failure_persistence: None,
        ..Config::default()
    }
}

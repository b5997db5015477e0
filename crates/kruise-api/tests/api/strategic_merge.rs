//! The cases in tests/strategic-merge, which a real API server confirms in the end-to-end tests, and what
//! holds for all patches.

use std::collections::BTreeMap;

use kruise_api::strategic_merge::{Reason, Schema, apply};
use proptest::prelude::*;
use rstest::rstest;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    object: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    patch: Value,
    #[serde(default)]
    result: BTreeMap<String, Value>,
    error: Option<String>,
    #[serde(rename = "subresource", default)]
    _subresource: String,
    #[serde(rename = "invalid", default)]
    _invalid: bool,
}

/// The object with other values at these pointers. Null: nothing is there.
fn changed(object: &Value, result: &BTreeMap<String, Value>) -> Value {
    let mut object = object.clone();
    for (pointer, value) in result {
        let (parent, step) = pointer.rsplit_once('/').unwrap();
        let step = step.replace("~1", "/").replace("~0", "~");
        match object.pointer_mut(parent).unwrap() {
            Value::Object(members) if value.is_null() => {
                members.remove(&step).unwrap();
            }
            parent if parent.is_object() => parent[step] = value.clone(),
            parent => parent[step.parse::<usize>().unwrap()] = value.clone(),
        }
    }
    object
}

#[rstest]
#[case::pod_template(
    Schema::PodTemplate,
    include_str!("strategic-merge/pod_template.yaml")
)]
#[case::pod(Schema::Pod, include_str!("strategic-merge/pod.yaml"))]
#[case::claim(
    Schema::PersistentVolumeClaim,
    include_str!("strategic-merge/claim.yaml")
)]
fn golden_cases(#[case] schema: Schema, #[case] yaml: &str) {
    let Cases { object, cases } = serde_yaml_ng::from_str(yaml).unwrap();
    for case in cases {
        let merged = apply(schema, &object, &case.patch).map_err(|error| error.to_string());
        let expected = match case.error {
            Some(error) => Err(error),
            None => Ok(changed(&object, &case.result)),
        };
        assert_eq!(merged, expected, "{}", case.name);
    }
}

#[rstest]
#[case(json!({}), json!(null))]
#[case(json!({}), json!([]))]
#[case(json!("x"), json!({}))]
fn only_objects_are_merged(#[case] original: Value, #[case] patch: Value) {
    let error = apply(Schema::Object, &original, &patch).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.reason),
        ("", Reason::NotAnObject)
    );
}

/// The server adds and deletes in random order.
#[test]
fn deletion_wins() {
    let original = json!({ "metadata": { "finalizers": ["a", "b"] } });
    let patch = json!({ "metadata": {
        "$deleteFromPrimitiveList/finalizers": ["c"],
        "finalizers": ["c", "a"],
    } });
    let merged = apply(Schema::Object, &original, &patch).unwrap();
    assert_eq!(merged["metadata"]["finalizers"], json!(["a", "b"]));
}

const SCHEMAS: [Schema; 5] = [
    Schema::Pod,
    Schema::PodTemplateSpec,
    Schema::PodTemplate,
    Schema::PersistentVolumeClaim,
    Schema::Object,
];

const DIRECTIVES: [&str; 6] = [
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$setElementOrder/finalizers",
    "$deleteFromPrimitiveList/finalizers",
    "$deleteFromPrimitiveList/",
];

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "metadata",
        "spec",
        "status",
        "template",
        "containers",
        "env",
        "command",
        "volumes",
        "conditions",
        "finalizers",
        "labels",
        "securityContext",
        "name",
        "type",
        "replace",
        "delete",
    ])
    .prop_map(str::to_owned)
}

/// JSON of such words, with or without directives and nulls, with or without lists.
fn any_json(directives: bool, nulls: bool, lists: bool) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (0..3).prop_map(move |number| if nulls { Value::Null } else { json!(number) }),
        (0..3).prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    let key = prop_oneof![
        5 => word(),
        1 => prop::sample::select(DIRECTIVES.to_vec())
            .prop_map(move |name| name.replace('$', if directives { "$" } else { "" })),
    ];
    leaf.prop_recursive(5, 64, 5, move |inner| {
        let object = prop::collection::vec((key.clone(), inner.clone()), 0..5)
            .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()));
        let list = prop::collection::vec(inner, 0..4).prop_map(Value::from);
        prop_oneof![2 => object.clone(), 1 => if lists { list.boxed() } else { object.boxed() }]
    })
}

fn any_object(directives: bool, nulls: bool, lists: bool) -> impl Strategy<Value = Value> {
    any_json(directives, nulls, lists).prop_filter("an object", Value::is_object)
}

prop_compose! {
    /// A list of objects with different names, in any order.
    fn by_name(element: impl Strategy<Value = Value> + Clone + 'static)(
        names in Just(vec!["a", "b", "c", "d"]).prop_shuffle(),
        elements in prop::collection::vec(element, 0..4),
    ) -> Value {
        let named = elements.into_iter().zip(names).map(|(mut element, name)| {
            element["name"] = json!(name);
            element
        });
        named.collect()
    }
}

prop_compose! {
    /// A pod, or a patch of one without directives.
    fn pod(nulls: bool)(
        finalizers in prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4).prop_shuffle(),
        security in any_object(false, nulls, false),
        containers in by_name(
            (by_name(any_object(false, nulls, true).boxed()), any_object(false, nulls, true))
                .prop_map(|(env, mut container)| {
                    container["env"] = env;
                    container
                })
                .boxed(),
        ),
        tolerations in any_object(false, nulls, true),
    ) -> Value {
        json!({
            "metadata": { "finalizers": finalizers },
            "spec": {
                "securityContext": security,
                "containers": containers,
                "tolerations": [tolerations],
            },
        })
    }
}

fn json_merge_patch(original: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch.clone();
    };
    let mut merged = original.as_object().cloned().unwrap_or_default();
    for (name, value) in patch {
        if value.is_null() {
            merged.remove(name);
        } else {
            let value = json_merge_patch(merged.get(name).unwrap_or(&Value::Null), value);
            merged.insert(name.clone(), value);
        }
    }
    Value::Object(merged)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

fn has_directive(value: &Value) -> bool {
    match value {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.starts_with('$') || has_directive(value)),
        Value::Array(elements) => elements.iter().any(has_directive),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_directive_stays(
        original in any_object(false, true, true),
        patch in any_object(true, true, true),
    ) {
        for schema in SCHEMAS {
            if let Ok(merged) = apply(schema, &original, &patch) {
                prop_assert!(!has_directive(&merged), "{}", merged);
            }
        }
    }

    #[test]
    fn nothing_breaks_it(original in any_json(true, true, true), patch in any_json(true, true, true)) {
        for schema in SCHEMAS {
            let _ = apply(schema, &original, &patch);
        }
    }

    #[test]
    fn an_empty_patch_changes_nothing(original in any_object(true, true, true)) {
        for schema in SCHEMAS {
            let merged = apply(schema, &original, &json!({}));
            prop_assert_eq!(merged.as_ref(), Ok(&original));
        }
    }

    #[test]
    fn twice_is_once(original in pod(false), patch in pod(true)) {
        let once = apply(Schema::Pod, &original, &patch).unwrap();
        let twice = apply(Schema::Pod, &once, &patch).unwrap();
        // The second time, null takes away what was a null in a new element. As text, since the order of
        // members is kept too.
        prop_assert_eq!(without_nulls(&once).to_string(), without_nulls(&twice).to_string());
    }

    #[test]
    fn every_element_of_the_patch_and_of_the_original_stays(original in pod(false), patch in pod(true)) {
        let names = |object: &Value| -> Vec<Value> {
            let containers = object["spec"]["containers"].as_array().unwrap();
            containers.iter().map(|container| container["name"].clone()).collect()
        };
        let (before, named) = (names(&original), names(&patch));
        let after = names(&apply(Schema::Pod, &original, &patch).unwrap());
        let among = |list: &[Value]| -> Vec<Value> {
            after.iter().filter(|name| list.contains(name)).cloned().collect()
        };
        let others: Vec<Value> = before.iter().filter(|name| !named.contains(name)).cloned().collect();
        prop_assert_eq!(&among(&named), &named);
        prop_assert_eq!(&among(&others), &others);
        prop_assert_eq!(after.len(), named.len() + others.len());
    }

    #[test]
    fn without_lists_and_directives_it_is_a_json_merge_patch(
        original in any_object(false, false, false),
        patch in any_object(false, true, false),
    ) {
        for schema in SCHEMAS {
            let merged = apply(schema, &original, &patch);
            prop_assert_eq!(merged, Ok(json_merge_patch(&original, &patch)));
        }
    }
}

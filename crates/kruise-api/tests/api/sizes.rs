//! Lists as long as an object can hold: with work for each pair of elements these would take hours.

use std::{cell::Cell, ops::Range};

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    inplace::{Options, calculate},
    kinds::cloneset::validation,
    meta::StringMap,
    strategic_merge::{self, Schema},
    template::means_the_same,
    validation::MAX_TOLD,
};
use serde_json::{Value, json};

const MANY: usize = 200_000;
/// Length of a list whose elements are more than names.
const SOME: usize = 40_000;

fn names(range: Range<usize>) -> Vec<String> {
    range.map(|n| format!("p{n}")).collect()
}

fn set<T: serde::de::DeserializeOwned>(pods_to_delete: &[String]) -> T {
    serde_json::from_value(json!({
        "metadata": { "name": "web", "uid": "u1" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": {} },
            "scaleStrategy": { "podsToDelete": pods_to_delete },
        },
    }))
    .unwrap()
}

// CS-14
#[test]
fn names_that_are_known_are_not_looked_up_and_few_of_the_others() {
    let (known, new) = (names(0..MANY), names(MANY..2 * MANY));
    let looked_up = Cell::new(0);
    let find = |_: &str| {
        looked_up.set(looked_up.get() + 1);
        None
    };
    let old: v1alpha1::CloneSet = set(&known);
    let errors = validation::validate_v1alpha1(&set(&known), Some(&old), &find);
    assert_eq!(looked_up.get(), 0);
    let is_about_names = |error: &&kruise_api::validation::FieldError| {
        error.field.starts_with("spec.scaleStrategy.podsToDelete[")
    };
    assert_eq!(errors.iter().filter(is_about_names).count(), 0);

    let errors = validation::validate_v1alpha1(&set(&new), Some(&old), &find);
    assert_eq!(looked_up.get(), MAX_TOLD);
    assert_eq!(errors.iter().filter(is_about_names).count(), MAX_TOLD);
}

// CS-11
#[test]
fn names_that_are_there_twice_are_found_at_once() {
    let mut names = names(0..MANY);
    names.push(names[7].clone());
    let errors = validation::validate_v1beta1(&set(&names), None);
    let about: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let expected = format!("spec.scaleStrategy.podsToDelete[{MANY}]: Duplicate value: \"p7\"");
    assert!(about.contains(&expected), "{about:?}");

    let errors = validation::validate_v1beta1(&set(&vec!["a".to_owned(); MANY]), None);
    assert_eq!(errors.iter().count(), MAX_TOLD);
    assert!(errors.to_string().len() < 100 * MAX_TOLD);
}

#[test]
fn long_lists_are_converted() {
    let terms: Vec<Value> = names(0..SOME)
        .into_iter()
        .map(|name| json!({ "key": name, "value": "" }))
        .collect();
    let mut object = serde_json::to_value(set::<v1beta1::CloneSet>(&names(0..SOME))).unwrap();
    object["spec"]["updateStrategy"] = json!({ "rollingUpdate": { "scatterStrategy": terms } });
    let there = convert(object, "apps.kruise.io/v1alpha1").unwrap();
    let back = convert(there, "apps.kruise.io/v1beta1").unwrap();
    let kept = &back["spec"]["updateStrategy"]["rollingUpdate"]["scatterStrategy"];
    assert_eq!(kept.as_array().unwrap().len(), SOME);
    let errors = validation::validate_v1beta1(&serde_json::from_value(back.clone()).unwrap(), None);
    assert!(errors.iter().count() < 5, "{errors}");
    assert!(means_the_same(&back, &back));
}

fn pod(env: &[Value]) -> Value {
    json!({ "spec": { "containers": [{ "name": "app", "env": env }] } })
}

fn variables(range: Range<usize>, value: &str) -> Vec<Value> {
    let names = names(range).into_iter();
    names
        .map(|name| json!({ "name": name, "value": value }))
        .collect()
}

// Half of the variables are changed, as many are added, and all are put in order.
#[test]
fn long_lists_are_merged() {
    let half = SOME / 2;
    let mut patch = pod(&variables(half..half + SOME, "b"));
    let order: Vec<Value> = names(half..half + SOME)
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect();
    patch["spec"]["containers"][0]["$setElementOrder/env"] = json!(order);
    let merged =
        strategic_merge::apply(Schema::Pod, &pod(&variables(0..SOME, "a")), &patch).unwrap();
    let env = merged["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(env.len(), SOME + half);
    assert_eq!(env[0], json!({ "name": "p0", "value": "a" }));
    assert_eq!(
        env[half],
        json!({ "name": format!("p{half}"), "value": "b" })
    );

    let deletions: Vec<Value> = names(0..SOME)
        .into_iter()
        .map(|name| json!({ "$patch": "delete", "name": name }))
        .collect();
    let merged = strategic_merge::apply(Schema::Pod, &merged, &pod(&deletions)).unwrap();
    let env = merged["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(env.len(), half);
}

#[test]
fn long_lists_of_texts_are_merged() {
    let pod = |finalizers: &[String]| json!({ "metadata": { "finalizers": finalizers } });
    let (before, added) = (names(0..MANY), names(MANY / 2..MANY / 2 + MANY));
    let mut patch = pod(&added);
    let merged = strategic_merge::apply(Schema::Pod, &pod(&before), &patch).unwrap();
    let n_finalizers = |pod: &Value| pod["metadata"]["finalizers"].as_array().unwrap().len();
    assert_eq!(n_finalizers(&merged), MANY + MANY / 2);
    patch = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": before } });
    let merged = strategic_merge::apply(Schema::Pod, &merged, &patch).unwrap();
    assert_eq!(n_finalizers(&merged), MANY / 2);
}

// IP-9
#[test]
fn many_labels_are_found_in_a_long_environment() {
    let env: Vec<Value> = names(0..SOME)
        .into_iter()
        .map(|name| {
            let field = json!({ "fieldPath": format!("metadata.labels['{name}']") });
            json!({ "name": name, "valueFrom": { "fieldRef": field } })
        })
        .collect();
    let data = |value: &str| {
        let labels: StringMap = names(0..SOME)
            .into_iter()
            .map(|name| (name, value.to_owned()))
            .collect();
        let containers = json!([{ "name": "app", "env": env, "resources": {} }]);
        let template =
            json!({ "metadata": { "labels": labels }, "spec": { "containers": containers } });
        json!({ "spec": { "template": template } })
    };
    let update = calculate(&data("a"), &data("b"), &Options::default()).unwrap();
    assert_eq!(update.ref_metadata["app"].labels.len(), SOME);
}

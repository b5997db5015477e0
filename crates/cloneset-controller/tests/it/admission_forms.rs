//! Objects in which parts are missing, empty or very long, and forms that mean the same.

use cloneset_controller::{admission::mutate, gates::Gates};
use kruise_api::conversion::convert;
use rstest::rstest;
use serde_json::{Value, json};

use crate::admission::{cloneset, mutated, patched, request, spec, validated};

// CS-11, PF-211: what a server would drop or a type would read as nothing is no reason to refuse, in either
// version and on every way.
#[rstest]
fn an_incomplete_status_is_no_reason_to_refuse(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[values(json!({}), Value::Null, json!({ "replicas": 1, "conditions": [{}] }))] status: Value,
) {
    let mut object = cloneset(version, spec(json!({})));
    object["status"] = status.clone();
    for (operation, old) in [("CREATE", None), ("UPDATE", Some(&object))] {
        let answer = mutate(&request(operation, Some(&object), old), &Gates::default());
        let changed = patched(&object, &answer);
        assert_eq!(changed["status"], status);
        let answer = validated(&request(operation, Some(&changed), old));
        assert!(answer.is_allowed(), "{}", answer.message());
    }
    let answer = validated(&request("DELETE", None, Some(&object)));
    assert!(answer.is_allowed(), "{}", answer.message());
    let other = if version == "v1beta1" {
        "v1alpha1"
    } else {
        "v1beta1"
    };
    let converted = convert(object, &format!("apps.kruise.io/{other}")).unwrap();
    assert_eq!(converted["status"], status);
}

// CS-11: with the field's path, not as an object that can't be read.
#[rstest]
#[case::nothing_at_all(json!(null), "spec.selector")]
#[case::no_selector(json!({ "template": {} }), "spec.selector")]
#[case::no_template(
    json!({ "selector": { "matchLabels": { "app": "web" } } }),
    "spec.template.metadata.labels"
)]
#[case::a_term_that_is_null(
    spec(json!({ "updateStrategy": { "scatterStrategy": [null], "rollingUpdate": { "scatterStrategy": [null] } } })),
    "scatterStrategy"
)]
#[case::a_requirement_without_key(
    spec(json!({ "selector": { "matchExpressions": [{ "operator": "Exists" }] } })),
    "spec.selector.matchExpressions[0].key"
)]
fn what_is_missing_is_named(
    #[case] spec: Value,
    #[case] field: &str,
    #[values("v1alpha1", "v1beta1")] version: &str,
) {
    let object = mutated(&cloneset(version, spec), &Gates::default());
    let answer = validated(&request("CREATE", Some(&object), None));
    assert!(!answer.is_allowed());
    assert!(answer.message().contains(field), "{}", answer.message());
}

// CS-9: in a template with as many variables as an object can hold, each changed by a default.
#[test]
fn a_long_template_is_defaulted_at_once() {
    let env: Vec<Value> = (0..60_000)
        .map(|n| {
            let field = json!({ "fieldRef": { "fieldPath": "metadata.name" } });
            json!({ "name": format!("E{n}"), "valueFrom": field })
        })
        .collect();
    let mut object = cloneset("v1beta1", spec(json!({})));
    object["spec"]["template"]["spec"]["containers"][0]["env"] = json!(env);
    let gates = Gates::default();
    let stored = mutated(&object, &gates);
    let env = &stored["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[59_999]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    let answer = mutate(&request("UPDATE", Some(&object), Some(&stored)), &gates);
    assert_eq!(patched(&object, &answer)["spec"], stored["spec"]);
}

// DV-CS15: forms that mean the same are written in one.
#[rstest]
#[case("v1beta1", json!({}), json!({ "enablePVCReuse": false }))]
#[case("v1beta1", json!({ "podsToDelete": [], "excludePreparingDelete": false }), json!({ "enablePVCReuse": false }))]
#[case("v1beta1", json!({ "podsToDelete": ["a"], "enablePVCReuse": true }), json!({ "podsToDelete": ["a"], "enablePVCReuse": true }))]
#[case("v1alpha1", json!({ "podsToDelete": [], "disablePVCReuse": false }), Value::Null)]
#[case("v1alpha1", json!({ "disablePVCReuse": true }), json!({ "disablePVCReuse": true }))]
fn a_scale_strategy_has_one_form(
    #[case] version: &str,
    #[case] written: Value,
    #[case] stored: Value,
) {
    let object = cloneset(version, spec(json!({ "scaleStrategy": written })));
    let object = mutated(&object, &Gates::default());
    let found = object["spec"].get("scaleStrategy");
    assert_eq!(found.unwrap_or(&Value::Null), &stored);
}

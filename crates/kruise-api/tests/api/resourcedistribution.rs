//! ResourceDistribution: its versions, and what the dry run decides.

use kruise_api::{
    apps::{v1alpha1, v1beta1::ResourceDistribution},
    conversion::{convert, convert_typed},
    kinds::resourcedistribution::validation::{
        ANSWER_CODE, answer_of_trial, to_be_tried, validate,
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(|distribution: v1alpha1::ResourceDistribution, stored| {
            let stored = stored.map(|stored| convert_typed(&stored).unwrap());
            validate(&convert_typed(&distribution).unwrap(), stored.as_ref())
        }),
        version(|distribution: ResourceDistribution, stored| {
            validate(&distribution, stored.as_ref())
        }),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

fn config_map(name: &str) -> Value {
    // An order of members that no sorting makes.
    json!({
        "kind": "ConfigMap", "apiVersion": "v1", "data": { "b": "1", "a": "2" },
        "metadata": { "name": name, "namespace": "elsewhere" }, "immutable": null,
    })
}

// RD-1
#[test]
fn versions_name_two_fields_differently() {
    let object = |api_version: &str, selector: &str, failed: &str| {
        json!({
            "apiVersion": api_version,
            "kind": "ResourceDistribution",
            "metadata": { "name": "game", "annotations": { "a": "b" } },
            "spec": {
                "resource": config_map("game"),
                "targets": {
                    "excludedNamespaces": { "list": [{ "name": "x" }] },
                    "allNamespaces": true,
                    "includedNamespaces": { "list": [{ "name": "y" }] },
                    selector: { "matchLabels": { "a": "b" } },
                },
            },
            "status": {
                "desired": 3,
                "succeeded": 1,
                "failed": 2,
                "observedGeneration": 7,
                "conditions": [{
                    "type": "ConflictOccurred", "status": "True", "lastTransitionTime": "2026-01-10T08:00:00Z",
                    "reason": "conflict", failed: ["b"],
                }],
            },
        })
    };
    let old = object(V1ALPHA1, "namespaceLabelSelector", "failedNamespace");
    let new = object(V1BETA1, "namespaceSelector", "failedNamespaces");
    let there = convert(old.clone(), V1BETA1).unwrap();
    let back = convert(new.clone(), V1ALPHA1).unwrap();
    // As texts: the resource is the same to the byte.
    assert_eq!(
        there["spec"]["resource"].to_string(),
        config_map("game").to_string()
    );
    assert_eq!((there, back), (new.clone(), old.clone()));

    let typed: ResourceDistribution = serde_json::from_value(new).unwrap();
    let typed_old: v1alpha1::ResourceDistribution = serde_json::from_value(old).unwrap();
    assert_eq!(
        convert_typed::<_, ResourceDistribution>(&typed_old).unwrap(),
        typed
    );
    assert_eq!(
        convert_typed::<_, v1alpha1::ResourceDistribution>(&typed).unwrap(),
        typed_old
    );
}

fn distribution(resource: &Value) -> ResourceDistribution {
    serde_json::from_value(json!({ "spec": { "resource": resource, "targets": {} } })).unwrap()
}

// RD-4 b to f
#[rstest]
#[case::new(config_map("a"), None, true)]
#[case::nothing(json!(null), None, false)]
#[case::no_object(json!("a"), None, false)]
#[case::no_kind(json!({ "apiVersion": "v1" }), None, false)]
#[case::another_kind(json!({ "apiVersion": "v1", "kind": "Pod" }), None, false)]
#[case::another_group(json!({ "apiVersion": "a/v1", "kind": "Secret" }), None, false)]
#[case::without_version(json!({ "kind": "Secret" }), None, true)]
#[case::unchanged(config_map("a"), Some(config_map("a")), true)]
#[case::renamed(config_map("a"), Some(config_map("b")), false)]
#[case::old_unreadable(config_map("a"), Some(json!(1)), true)]
fn a_resource_that_can_be_distributed_is_tried(
    #[case] resource: Value,
    #[case] old: Option<Value>,
    #[case] is_tried: bool,
) {
    let new = distribution(&resource);
    let old = old.as_ref().map(distribution);
    let tried = to_be_tried(&new, old.as_ref());
    assert_eq!(tried, is_tried.then_some(&resource));
}

// RD-4 c
#[test]
fn an_old_resource_that_cannot_be_read_is_told() {
    let errors = validate(
        &distribution(&config_map("a")),
        Some(&distribution(&json!({}))),
    );
    assert_eq!(
        errors.to_string(),
        "spec.resource: Internal error: the resource that is stored is no object with a kind"
    );
    assert_eq!(ANSWER_CODE, 422);
}

const WRONG_LETTERS: &str = "must consist of lower-case letters, digits and '-', and begin and end with a letter or a digit";
const TOO_LONG: &str = "must have at most 63 characters";

// RD-4 g, h
#[rstest]
#[case::longest("n".repeat(63), &[])]
#[case::too_long("n".repeat(64), &[TOO_LONG])]
#[case::empty(String::new(), &[WRONG_LETTERS])]
#[case::both("N".repeat(64), &[TOO_LONG, WRONG_LETTERS])]
fn each_problem_of_a_namespaces_name_is_told(#[case] name: String, #[case] problems: &[&str]) {
    for field in ["includedNamespaces", "excludedNamespaces"] {
        let targets = json!({ field: { "list": [{ "name": name }] } });
        let spec = json!({ "resource": config_map("a"), "targets": targets });
        let distribution = serde_json::from_value(json!({ "spec": spec })).unwrap();
        let told: Vec<_> = validate(&distribution, None)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = problems
            .iter()
            .map(|why| format!("spec.targets.{field}: Invalid value: {name:?}: {why}"));
        assert_eq!(told, expected.collect::<Vec<_>>());
    }
}

// RD-5
#[rstest]
#[case("AlreadyExists", None)]
#[case("Invalid", Some("Invalid value: spec.resource is invalid: why"))]
#[case("BadRequest", Some("Invalid value: spec.resource is invalid: why"))]
#[case("Forbidden", Some("Forbidden: spec.resource is forbidden: why"))]
#[case(
    "Timeout",
    Some("Internal error: failed to dry-run validate spec.resource: why")
)]
#[case(
    "",
    Some("Internal error: failed to dry-run validate spec.resource: why")
)]
fn what_the_dry_run_answers(#[case] reason: &str, #[case] expected: Option<&str>) {
    let told = answer_of_trial(reason, "why").map(|error| error.to_string());
    let expected = expected.map(|expected| format!("spec.resource: {expected}"));
    assert_eq!(told, expected);
}

// Secrets must not reach logs.
#[test]
fn no_error_shows_the_resource() {
    let secret = |name: &str, kind: &str| {
        distribution(&json!({
            "apiVersion": "v1", "kind": kind, "metadata": { "name": name }, "data": { "k": "c2VjcmV0" },
        }))
    };
    for (new, old) in [
        (secret("a", "Other"), None),
        (secret("a", "Secret"), Some(secret("b", "Secret"))),
    ] {
        let told = validate(&new, old.as_ref()).to_string();
        assert!(!told.is_empty() && !told.contains("c2VjcmV0"), "{told}");
    }
}

//! PodUnavailableBudget: what annotations of v1alpha1 mean, and what is refused.

use kruise_api::{
    conversion::convert,
    kinds::podunavailablebudget::validation::{ANSWER_CODE, unreadable_annotation, validate},
    meta::LabelSelector,
    policy::{v1alpha1, v1beta1::PodUnavailableBudget},
};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |budget: PodUnavailableBudget, stored: Option<PodUnavailableBudget>| {
        validate(&budget, stored.as_ref(), &stored)
    };
    vec![
        version(move |budget: v1alpha1::PodUnavailableBudget, stored| {
            judge(budget.into(), stored.map(Into::into))
        })
        .settles(settle_v1alpha1),
        version(judge).settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "policy.kruise.io/v1alpha1";
const V1BETA1: &str = "policy.kruise.io/v1beta1";
const OPERATIONS: &str = "kruise.io/pub-protect-operations";
const TOTAL: &str = "pub.kruise.io/protect-total-replicas";
const IGNORED: &str = "pub.kruise.io/ignored-pod-selector";

fn object(api_version: &str, annotations: Value, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "PodUnavailableBudget",
        "metadata": { "name": "web", "namespace": "default" },
        "status": {
            "unavailableAllowed": 1, "currentAvailable": 3, "desiredAvailable": 2, "totalReplicas": 3,
        },
    });
    if annotations != json!({}) {
        object["metadata"]["annotations"] = annotations;
    }
    object["spec"] = spec;
    object
}

// PB-1, DV-PB1: a text that can't be read leaves the field unset, and stays where it is.
#[rstest]
#[case::nothing(json!({}), json!({}), json!({}))]
#[case::empty(json!({ OPERATIONS: "", TOTAL: "" }), json!({ OPERATIONS: "", TOTAL: "" }), json!({}))]
#[case::operations(
    json!({ OPERATIONS: " UPDATE,,DELETE ,UPDATE" }), json!({ OPERATIONS: " UPDATE,,DELETE ,UPDATE" }),
    json!({ "protectOperations": ["UPDATE", "DELETE", "UPDATE"] }),
)]
#[case::lower_case(json!({ OPERATIONS: "DELETE,update" }), json!({ OPERATIONS: "DELETE,update" }), json!({}))]
#[case::commas_only(json!({ OPERATIONS: " , " }), json!({ OPERATIONS: " , " }), json!({}))]
#[case::total(json!({ TOTAL: "+015" }), json!({ TOTAL: "+015" }), json!({ "protectTotalReplicas": 15 }))]
#[case::total_below_one(json!({ TOTAL: "-1" }), json!({ TOTAL: "-1" }), json!({ "protectTotalReplicas": -1 }))]
#[case::total_too_large(json!({ TOTAL: "3000000000" }), json!({ TOTAL: "3000000000" }), json!({}))]
#[case::ignored(
    json!({ IGNORED: r#"{"matchLabels":{"a":"b"}}"#, "other": "x" }), json!({ "other": "x" }),
    json!({ "ignoredPodSelector": { "matchLabels": { "a": "b" } } }),
)]
#[case::ignored_unreadable(json!({ IGNORED: "{" }), json!({}), json!({}))]
fn annotations_of_v1alpha1_become_fields(
    #[case] annotations: Value,
    #[case] left: Value,
    #[case] fields: Value,
) {
    let mut spec =
        json!({ "selector": { "matchLabels": { "app": "web" } }, "maxUnavailable": "20%" });
    let old = object(V1ALPHA1, annotations, spec.clone());
    json_patch::merge(&mut spec, &fields);
    assert_eq!(convert(old, V1BETA1).unwrap(), object(V1BETA1, left, spec));
}

// PB-2, DV-PB2
#[rstest]
#[case::nothing(json!({}), json!({}), json!({}))]
#[case::operations(json!({ OPERATIONS: "EVICT" }), json!({ "protectOperations": ["DELETE", "UPDATE"] }), json!({ OPERATIONS: "DELETE,UPDATE" }))]
#[case::in_effect_without_the_field(json!({ OPERATIONS: "DELETE, EVICT" }), json!({}), json!({ OPERATIONS: "DELETE, EVICT" }))]
#[case::not_readable(json!({ OPERATIONS: "delete" }), json!({}), json!({}))]
#[case::total(json!({ TOTAL: "015" }), json!({ "protectTotalReplicas": 15 }), json!({ TOTAL: "15" }))]
#[case::total_unset(json!({ TOTAL: "15", "other": "x" }), json!({}), json!({ "other": "x" }))]
#[case::ignored(
    json!({}), json!({ "ignoredPodSelector": { "matchLabels": { "a": "b" } } }),
    json!({ IGNORED: r#"{"matchLabels":{"a":"b"}}"# }),
)]
#[case::ignored_unset(json!({ IGNORED: "{}" }), json!({}), json!({}))]
fn fields_of_v1beta1_become_annotations(
    #[case] annotations: Value,
    #[case] fields: Value,
    #[case] expected: Value,
) {
    let spec =
        json!({ "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" } });
    let mut full = spec.clone();
    json_patch::merge(&mut full, &fields);
    let new = object(V1BETA1, annotations, full);
    assert_eq!(
        convert(new, V1ALPHA1).unwrap(),
        object(V1ALPHA1, expected, spec)
    );
}

fn operations(text: &str) -> Option<Vec<&str>> {
    let words: Vec<_> = text
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    let known = ["DELETE", "UPDATE", "EVICT", "RESIZE"];
    (!words.is_empty() && words.iter().all(|word| known.contains(word))).then_some(words)
}

fn annotations(object: &mut Value) -> &mut Map<String, Value> {
    let annotations = &mut object["metadata"]["annotations"];
    if annotations.is_null() {
        *annotations = json!({});
    }
    annotations.as_object_mut().unwrap()
}

/// PB-1 and PB-2 of an object that has a spec. Texts that have no effect are gone, others are in their normal form.
fn settle_v1alpha1(object: &mut Value) {
    if object["spec"].is_null() {
        return;
    }
    for key in [OPERATIONS, TOTAL, IGNORED] {
        let Some(Value::String(text)) = annotations(object).remove(key) else {
            continue;
        };
        let normal = match key {
            OPERATIONS => operations(&text).map(|words| words.join(",")),
            TOTAL => text.parse::<i32>().ok().map(|number| number.to_string()),
            _ => serde_json::from_str::<LabelSelector>(&text)
                .ok()
                .and_then(|selector| serde_json::to_string(&selector).ok()),
        };
        if let Some(normal) = normal {
            annotations(object).insert(key.to_owned(), json!(normal));
        }
    }
}

/// PB-3: annotations say what fields say, and operations that only an annotation had are in the field as well.
fn settle_v1beta1(object: &mut Value) {
    let spec = object["spec"].clone();
    if spec.is_null() {
        return;
    }
    let of_field = spec["protectOperations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let of_annotation = annotations(object).remove(OPERATIONS);
    let joined: Vec<_> = of_field.iter().filter_map(Value::as_str).collect();
    let text = match of_annotation {
        Some(Value::String(text)) if joined.is_empty() && operations(&text).is_some() => Some(text),
        _ => Some(joined.join(",")).filter(|text| !text.is_empty()),
    };
    if let Some(text) = text {
        object["spec"]["protectOperations"] = json!(operations(&text));
        annotations(object).insert(OPERATIONS.to_owned(), json!(text));
    }
    let total = spec["protectTotalReplicas"].as_i64();
    annotations(object).remove(TOTAL);
    annotations(object).remove(IGNORED);
    if let Some(total) = total {
        annotations(object).insert(TOTAL.to_owned(), json!(total.to_string()));
    }
}

fn budget(name: &str, annotations: Value, spec: Value) -> PodUnavailableBudget {
    let mut budget = object(V1BETA1, annotations, spec);
    budget["metadata"]["name"] = json!(name);
    serde_json::from_value(budget).unwrap()
}

fn selecting(labels: &Value) -> Value {
    json!({ "selector": { "matchLabels": labels }, "maxUnavailable": 1 })
}

fn refused(annotations: Value, spec: Value) -> Vec<String> {
    let budget = budget("web", annotations, spec);
    let errors = validate(&budget, None, [&budget]);
    errors.iter().map(ToString::to_string).collect()
}

fn with(change: &Value) -> Value {
    let mut spec = selecting(&json!({ "app": "web" }));
    json_patch::merge(&mut spec, change);
    spec
}

fn target(api_version: &str, kind: &str, name: &str) -> Value {
    with(&json!({
        "selector": null, "targetRef": { "apiVersion": api_version, "kind": kind, "name": name },
    }))
}

const BOTH_OR_NONE: &str =
    "spec.selector, targetRef: Required value: must have selector or targetRef, not both";
const NO_LIMIT: &str = "spec.maxUnavailable, minAvailable: Required value: must have maxUnavailable or minAvailable, not both";
const LIMIT: &str = "must be an integer that is not negative, or a percentage from 0% to 100%";
const EMPTY: &str = "must have at least one entry";

// PB-7 c to l
#[rstest]
#[case::selector(with(&json!({})), &[])]
#[case::target(target("apps/v1", "Deployment", "web"), &[])]
#[case::core_target(target("v1", "ReplicationController", "web"), &[])]
#[case::neither(with(&json!({ "selector": null })), &[BOTH_OR_NONE])]
#[case::both(with(&json!({ "targetRef": { "apiVersion": "", "kind": "", "name": "" } })), &[BOTH_OR_NONE])]
#[case::no_name(target("apps/v1", "Deployment", ""), &[r#"spec.targetRef: Invalid value: {"apiVersion":"apps/v1","kind":"Deployment"}: must have apiVersion, kind and name"#])]
#[case::two_slashes(target("a/b/v1", "K", "n"), &[r#"spec.targetRef: Invalid value: {"apiVersion":"a/b/v1","kind":"K","name":"n"}: apiVersion must be a group and version, such as apps/v1"#])]
#[case::empty_selector(with(&json!({ "selector": { "matchLabels": null } })), &[&*format!("spec.selector: Invalid value: {{}}: {EMPTY}")])]
#[case::wrong_operator(
    with(&json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "Is" }] } })),
    &[r#"spec.selector.matchExpressions[0].operator: Invalid value: "Is": must be In, NotIn, Exists or DoesNotExist"#],
)]
#[case::no_limit(with(&json!({ "maxUnavailable": null })), &[NO_LIMIT])]
#[case::both_limits(with(&json!({ "minAvailable": "50%" })), &[NO_LIMIT])]
#[case::zero(with(&json!({ "maxUnavailable": "000%" })), &[])]
#[case::all(with(&json!({ "maxUnavailable": "100%" })), &[])]
#[case::above_all(with(&json!({ "maxUnavailable": "101%" })), &[&*format!(r#"spec.maxUnavailable: Invalid value: "101%": {LIMIT}"#)])]
#[case::negative(with(&json!({ "maxUnavailable": -1 })), &[&*format!("spec.maxUnavailable: Invalid value: -1: {LIMIT}")])]
#[case::fraction(with(&json!({ "maxUnavailable": null, "minAvailable": "1.5%" })), &[&*format!(r#"spec.minAvailable: Invalid value: "1.5%": {LIMIT}"#)])]
#[case::sign(with(&json!({ "maxUnavailable": "+5%" })), &[&*format!(r#"spec.maxUnavailable: Invalid value: "+5%": {LIMIT}"#)])]
#[case::only_a_sign(with(&json!({ "maxUnavailable": "%" })), &[&*format!(r#"spec.maxUnavailable: Invalid value: "%": {LIMIT}"#)])]
#[case::operation(
    with(&json!({ "protectOperations": ["DELETE", "delete"] })),
    &[r#"spec.protectOperations[1]: Unsupported value: "delete": supported values: "DELETE", "UPDATE", "EVICT", "RESIZE""#],
)]
#[case::ignores_all(with(&json!({ "ignoredPodSelector": {} })), &[&*format!("spec.ignoredPodSelector: Invalid value: {{}}: {EMPTY}")])]
#[case::ignores_some(with(&json!({ "ignoredPodSelector": { "matchLabels": { "a": "" } } })), &[])]
fn what_makes_no_budget_is_refused(#[case] spec: Value, #[case] expected: &[&str]) {
    assert_eq!(refused(json!({}), spec), expected);
    assert_eq!(ANSWER_CODE, 400);
}

// PB-7 a, b, PB-11
#[rstest]
#[case(json!({}), json!({ "protectTotalReplicas": 15 }), None)]
#[case(json!({ TOTAL: "15" }), json!({ "protectTotalReplicas": 15 }), None)]
#[case(json!({ TOTAL: "15" }), json!({}), None)]
#[case(json!({ TOTAL: "" }), json!({}), Some(r#""": must be a valid int32"#))]
#[case(json!({ TOTAL: "x" }), json!({ "protectTotalReplicas": 1 }), Some(r#""x": must be a valid int32"#))]
#[case(json!({ TOTAL: "015" }), json!({ "protectTotalReplicas": 15 }), Some(r#""015": must match spec.protectTotalReplicas when both are set"#))]
// The other annotation is not looked at.
#[case(json!({ OPERATIONS: "x" }), json!({}), None)]
fn annotation_and_field_have_to_agree(
    #[case] annotations: Value,
    #[case] change: Value,
    #[case] expected: Option<&str>,
) {
    let expected =
        expected.map(|what| format!("metadata.annotations[{TOTAL}]: Invalid value: {what}"));
    assert_eq!(
        refused(annotations, with(&change)),
        Vec::from_iter(expected)
    );
}

// PB-6
#[rstest]
#[case(json!({}), None)]
#[case(json!({ OPERATIONS: "", TOTAL: "" }), None)]
#[case(json!({ OPERATIONS: "DELETE, EVICT", TOTAL: "-1", IGNORED: "{" }), None)]
#[case(json!({ OPERATIONS: "DELETE,evict" }), Some(r#"invalid kruise.io/pub-protect-operations value "evict""#))]
#[case(json!({ OPERATIONS: "," }), Some(r#"invalid kruise.io/pub-protect-operations value """#))]
#[case(json!({ TOTAL: "x" }), Some("failed to parse pub.kruise.io/protect-total-replicas: invalid digit found in string"))]
fn wrong_annotations_of_v1alpha1_are_refused(
    #[case] annotations: Value,
    #[case] expected: Option<&str>,
) {
    let expected = expected.map(|why| format!("failed to convert v1alpha1 PUB to v1beta1: {why}"));
    let budget = budget("web", annotations, json!({}));
    assert_eq!(unreadable_annotation(&budget.metadata), expected);
}

// PB-7 m, PB-10
#[rstest]
#[case::same(with(&json!({})), with(&json!({ "maxUnavailable": 5, "protectOperations": ["EVICT"] })), false)]
#[case::empty_part(with(&json!({})), with(&json!({ "selector": { "matchExpressions": [] } })), false)]
#[case::label(with(&json!({})), selecting(&json!({ "app": "other" })), true)]
#[case::other_form(with(&json!({})), target("apps/v1", "Deployment", "web"), true)]
#[case::other_version(
    target("apps/v1", "Deployment", "web"),
    target("apps/v1beta1", "Deployment", "web"),
    true
)]
fn what_is_protected_cannot_change(
    #[case] old: Value,
    #[case] new: Value,
    #[case] is_refused: bool,
) {
    let (old, new) = (budget("web", json!({}), old), budget("web", json!({}), new));
    let errors = validate(&new, Some(&old), []);
    let expected =
        "spec.selector, targetRef: Required value: selector and targetRef cannot be modified";
    assert_eq!(errors.to_string() == expected, is_refused, "{errors}");
    assert_eq!(errors.is_empty(), !is_refused);
}

fn expressions(expressions: &Value) -> Value {
    json!({ "selector": { "matchExpressions": expressions }, "maxUnavailable": 1 })
}

fn a(operator: &str, values: &[&str]) -> Value {
    expressions(&json!([{ "key": "a", "operator": operator, "values": values }]))
}

const TARGET_FIELD: Option<&str> = Some("spec.targetReference");
const SELECTOR_FIELD: Option<&str> = Some("spec.selector");

// PB-8, PB-9
#[rstest]
#[case::same_target(
    target("apps/v1", "Deployment", "web"),
    target("apps/v1beta1", "Deployment", "web"),
    TARGET_FIELD
)]
#[case::other_group(
    target("apps/v1", "StatefulSet", "web"),
    target("apps.kruise.io/v1beta1", "StatefulSet", "web"),
    None
)]
#[case::target_and_selector(target("apps/v1", "Deployment", "web"), with(&json!({})), None)]
#[case::same_labels(with(&json!({})), with(&json!({})), SELECTOR_FIELD)]
#[case::more_keys(with(&json!({})), selecting(&json!({ "app": "web", "b": "c" })), None)]
#[case::in_in(a("In", &["x", "y"]), a("In", &["y"]), SELECTOR_FIELD)]
#[case::in_in_apart(a("In", &["x"]), a("In", &["y"]), None)]
#[case::in_not_in(a("In", &["x", "y"]), a("NotIn", &["x"]), SELECTOR_FIELD)]
#[case::in_not_in_all(a("In", &["x"]), a("NotIn", &["x", "y"]), None)]
#[case::in_exists(a("In", &["x"]), a("Exists", &[]), SELECTOR_FIELD)]
#[case::in_does_not_exist(a("In", &["x"]), a("DoesNotExist", &[]), None)]
#[case::not_in_not_in(a("NotIn", &["x"]), a("NotIn", &["y"]), SELECTOR_FIELD)]
#[case::not_in_exists(a("NotIn", &["x"]), a("Exists", &[]), SELECTOR_FIELD)]
#[case::not_in_does_not_exist(a("NotIn", &["x"]), a("DoesNotExist", &[]), SELECTOR_FIELD)]
#[case::exists_exists(a("Exists", &[]), a("Exists", &[]), SELECTOR_FIELD)]
#[case::exists_does_not_exist(a("Exists", &[]), a("DoesNotExist", &[]), None)]
#[case::neither_exists(a("DoesNotExist", &[]), a("DoesNotExist", &[]), SELECTOR_FIELD)]
#[case::a_later_expression_counts(
    expressions(&json!([{ "key": "a", "operator": "Exists" }, { "key": "a", "operator": "DoesNotExist" }])),
    a("Exists", &[]), None,
)]
fn two_budgets_cannot_protect_the_same_pods(
    #[case] one: Value,
    #[case] other: Value,
    #[case] expected: Option<&str>,
) {
    let (one, other) = (
        budget("one", json!({}), one),
        budget("other", json!({}), other),
    );
    for (new, stored) in [(&one, &other), (&other, &one)] {
        let errors = validate(new, None, [new, stored]);
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, Vec::from_iter(expected), "{errors}");
    }
}

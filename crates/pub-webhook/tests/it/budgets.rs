//! Admission of budgets.

use http::StatusCode;
use kruise_api::policy::v1beta1::PODUNAVAILABLEBUDGETS;
use kruise_runtime::{
    Store,
    webhook::{AdmissionRequest, AdmissionResponse},
};
use pub_webhook::{admission::budgets::BudgetValidator, budget::Budget, gates::Gates};
use rstest::rstest;
use serde_json::{Value, json};

use crate::replica::GATES;

fn validator(others: &[Value], gates: Gates) -> BudgetValidator {
    let budgets: Store<Budget> = Store::new(PODUNAVAILABLEBUDGETS);
    let others = others
        .iter()
        .map(|it| serde_json::from_value(it.clone()).unwrap());
    budgets.replace(others.collect(), &[], "10");
    BudgetValidator { gates, budgets }
}

fn budget(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "policy.kruise.io/v1beta1", "kind": "PodUnavailableBudget",
        "metadata": { "name": name, "namespace": "web", "uid": name, "resourceVersion": "1" },
        "spec": spec,
    })
}

fn selecting(selector: Value) -> Value {
    json!({ "selector": selector, "maxUnavailable": 1 })
}

fn ask(validator: &BudgetValidator, object: &Value, old: Option<&Value>) -> AdmissionResponse {
    let version = object["apiVersion"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap();
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let namespace = object["metadata"]["namespace"].as_str().unwrap();
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "review", "operation": operation, "namespace": namespace,
            "name": object["metadata"]["name"], "object": object, "oldObject": old,
            "kind": { "group": "policy.kruise.io", "version": version, "kind": "PodUnavailableBudget" },
            "resource": { "group": "policy.kruise.io", "version": version, "resource": "podunavailablebudgets" },
        },
    });
    let request = AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap();
    validator.answer(&request)
}

/// PB-S38
#[test]
fn two_totals_that_differ_are_refused() {
    let mut nine = budget(
        "shop",
        json!({
            "selector": { "matchLabels": { "app": "shop" } }, "maxUnavailable": 1, "protectTotalReplicas": 9,
        }),
    );
    nine["metadata"]["annotations"] = json!({ "pub.kruise.io/protect-total-replicas": "8" });
    let refused = ask(&validator(&[], GATES), &nine, None);
    assert_eq!(refused.code(), StatusCode::BAD_REQUEST);
    assert!(
        refused
            .message()
            .contains("must match spec.protectTotalReplicas when both are set")
    );
}

/// PB-S39, PB-8
#[rstest]
#[case::the_same_pods("web", json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["x", "y"] }] }), false)]
#[case::fewer_pods("web", json!({ "matchLabels": { "app": "x", "tier": "web" } }), true)]
#[case::elsewhere("other", json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["x", "y"] }] }), true)]
fn two_budgets_do_not_protect_the_same_pods(
    #[case] namespace: &str,
    #[case] selector: Value,
    #[case] is_allowed: bool,
) {
    let first = budget("a", selecting(json!({ "matchLabels": { "app": "x" } })));
    let mut second = budget("b", selecting(selector));
    second["metadata"]["namespace"] = json!(namespace);
    let answer = ask(&validator(&[first], GATES), &second, None);
    assert_eq!(answer.is_allowed(), is_allowed, "{}", answer.message());
    assert!(is_allowed || answer.code() == StatusCode::BAD_REQUEST);
}

/// PB-S40, PB-5
#[test]
fn without_gates_no_budget_is_taken() {
    let off = Gates {
        delete: false,
        update: false,
        ..GATES
    };
    let shop = budget(
        "shop",
        selecting(json!({ "matchLabels": { "app": "shop" } })),
    );
    let validator = validator(&[], off);
    for old in [None, Some(&shop)] {
        let refused = ask(&validator, &shop, old);
        assert_eq!(refused.code(), StatusCode::BAD_REQUEST);
        assert_eq!(
            refused.message(),
            "feature PodUnavailableBudget is invalid, please open via \
             feature-gate(PodUnavailableBudgetDeleteGate, PodUnavailableBudgetUpdateGate)"
        );
    }
}

/// PB-S37: the first half, PB-6
#[test]
fn annotations_of_the_older_version_are_read() {
    let older = |value: &str| {
        let mut older = budget(
            "shop",
            selecting(json!({ "matchLabels": { "app": "shop" } })),
        );
        older["apiVersion"] = json!("policy.kruise.io/v1alpha1");
        older["metadata"]["annotations"] = json!({ "kruise.io/pub-protect-operations": value });
        older
    };
    let validator = validator(&[], GATES);
    assert!(ask(&validator, &older("EVICT, UPDATE"), None).is_allowed());
    let refused = ask(&validator, &older("EVICT,update"), None);
    assert_eq!(refused.code(), StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.message(),
        "failed to convert v1alpha1 PUB to v1beta1: invalid kruise.io/pub-protect-operations value \"update\""
    );
    // DV-PB1: what is stored does not keep anybody from correcting it.
    assert!(ask(&validator, &older("EVICT"), Some(&older("wrong"))).is_allowed());
}

/// PB-6, PB-7 p, PB-10
#[test]
fn what_else_is_refused() {
    let shop = budget(
        "shop",
        selecting(json!({ "matchLabels": { "app": "shop" } })),
    );
    let other = budget(
        "shop",
        selecting(json!({ "matchLabels": { "app": "other" } })),
    );
    let validator = validator(&[], GATES);
    let refused = ask(&validator, &other, Some(&shop));
    assert!(
        refused
            .message()
            .contains("selector and targetRef cannot be modified")
    );
    let mut unknown = shop.clone();
    unknown["apiVersion"] = json!("policy.kruise.io/v1");
    let refused = ask(&validator, &unknown, None);
    assert_eq!(
        (refused.code(), refused.message()),
        (StatusCode::BAD_REQUEST, "unsupported version: v1")
    );
    let unlisted = BudgetValidator {
        gates: GATES,
        budgets: Store::new(PODUNAVAILABLEBUDGETS),
    };
    let refused = ask(&unlisted, &shop, None);
    assert_eq!(refused.code(), StatusCode::BAD_REQUEST);
    assert!(
        refused.message().contains("Internal error"),
        "{}",
        refused.message()
    );
}

use kruise_api::{
    meta::{LabelSelector, StringMap},
    selector::{Selector, SelectorError},
};
use rstest::rstest;
use serde_json::{Value, json};

fn parse(selector: &Value) -> Result<Selector, SelectorError> {
    let selector: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
    Selector::parse(&selector)
}

fn labels(labels: &Value) -> StringMap {
    serde_json::from_value(labels.clone()).unwrap()
}

fn expression(operator: &str, values: &[&str]) -> Value {
    json!({ "matchExpressions": [{ "key": "k", "operator": operator, "values": values }] })
}

// IP-165
#[rstest]
#[case(json!({}), json!({}), true)]
#[case(json!({ "matchLabels": { "k": "v" } }), json!({ "k": "v", "x": "y" }), true)]
#[case(json!({ "matchLabels": { "k": "v" } }), json!({ "k": "w" }), false)]
#[case(json!({ "matchLabels": { "k": "" } }), json!({}), false)]
#[case(expression("In", &["a", "b"]), json!({ "k": "b" }), true)]
#[case(expression("In", &["a", "b"]), json!({}), false)]
#[case(expression("NotIn", &["a"]), json!({ "k": "a" }), false)]
#[case(expression("NotIn", &["a"]), json!({}), true)]
#[case(expression("Exists", &[]), json!({ "k": "" }), true)]
#[case(expression("Exists", &[]), json!({}), false)]
#[case(expression("DoesNotExist", &[]), json!({}), true)]
#[case(expression("DoesNotExist", &[]), json!({ "k": "a" }), false)]
fn matches_ip_165(#[case] selector: Value, #[case] on: Value, #[case] expected: bool) {
    assert_eq!(parse(&selector).unwrap().matches(&labels(&on)), expected);
}

#[test]
fn unknown_operator_is_an_error_cs_22() {
    assert!(parse(&expression("Near", &[])).is_err());
}

#[test]
fn text_form_cs_116() {
    let selector = parse(&json!({
        "matchLabels": { "z": "1", "app": "web" },
        "matchExpressions": [
            { "key": "tier", "operator": "In", "values": ["b", "a"] },
            { "key": "env", "operator": "NotIn", "values": ["dev"] },
            { "key": "gpu", "operator": "DoesNotExist" },
            { "key": "disk", "operator": "Exists" },
        ],
    }));
    assert_eq!(
        selector.unwrap().to_string(),
        "app=web,disk,env notin (dev),!gpu,tier in (a,b),z=1"
    );
}

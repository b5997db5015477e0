use kruise_api::qos::{QosClass, of_template};
use rstest::rstest;
use serde_json::{Value, json};

// IP-7
#[rstest]
#[case::nothing(json!({}), json!({}), QosClass::BestEffort)]
#[case::zero_is_nothing(json!({ "limits": { "cpu": "0" } }), json!({}), QosClass::BestEffort)]
#[case::other_resources(json!({ "limits": { "x.io/gpu": "1" } }), json!({}), QosClass::BestEffort)]
#[case::request(json!({ "requests": { "cpu": "1" } }), json!({}), QosClass::Burstable)]
#[case::limits_alone(all("1", "1Gi", &["limits"]), all("1", "1Gi", &["limits"]), QosClass::Burstable)]
#[case::all_the_same(both("1", "1Gi"), both("2", "2Gi"), QosClass::Guaranteed)]
#[case::written_otherwise(
    json!({
        "limits": { "cpu": "1", "memory": "1Gi" },
        "requests": { "cpu": "1000m", "memory": "1024Mi" },
    }),
    both("1", "1"),
    QosClass::Guaranteed
)]
#[case::init_container_without(both("1", "1Gi"), json!({}), QosClass::Burstable)]
#[case::no_memory(
    json!({ "limits": { "cpu": "1" }, "requests": { "cpu": "1" } }),
    both("1", "1Gi"),
    QosClass::Burstable
)]
#[case::lower_request(
    json!({
        "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "1", "memory": "1Mi" },
    }),
    both("1", "1Gi"),
    QosClass::Burstable
)]
fn qos_class_ip_7(#[case] container: Value, #[case] init: Value, #[case] expected: QosClass) {
    let template = json!({ "spec": {
        "containers": [{ "name": "app", "resources": container }],
        "initContainers": [{ "name": "init", "resources": init }],
    } });
    assert_eq!(of_template(&template), expected);
}

fn all(cpu: &str, memory: &str, fields: &[&str]) -> Value {
    let amounts = json!({ "cpu": cpu, "memory": memory });
    fields
        .iter()
        .map(|field| ((*field).to_owned(), amounts.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub(crate) fn both(cpu: &str, memory: &str) -> Value {
    all(cpu, memory, &["limits", "requests"])
}

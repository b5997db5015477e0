use std::collections::BTreeMap;

use kruise_api::{
    apps::v1beta1::{UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm},
    meta::StringMap,
    pod::Pod,
    ranking::{Spread, deletion_cost, deletion_order, expand_wildcards, update_order},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{pod, running_pod};

fn named(name: &str, patch: &Value) -> Pod {
    let mut pod = pod(&running_pod(patch));
    pod.metadata.name = name.to_owned();
    pod
}

fn labelled(labels: &[Value]) -> Vec<Pod> {
    labels
        .iter()
        .enumerate()
        .map(|(index, labels)| {
            named(
                &format!("p{index}"),
                &json!({ "metadata": { "labels": labels } }),
            )
        })
        .collect()
}

fn updated(
    pods: &[Pod],
    waiting: &[usize],
    priority: Option<&UpdatePriorityStrategy>,
    scatter: Option<&[UpdateScatterTerm]>,
) -> Vec<usize> {
    let mut waiting = waiting.to_vec();
    let pods: Vec<&Pod> = pods.iter().collect();
    update_order(&pods, &mut waiting, priority, scatter);
    waiting
}

fn deleted(pods: &[Pod], spread: &Spread<'_>) -> Vec<String> {
    let mut order: Vec<&Pod> = pods.iter().collect();
    deletion_order(&mut order, spread, &|pod| pod.is_ready());
    order.iter().map(|pod| pod.metadata.name.clone()).collect()
}

fn ready_since(minute: u32) -> Value {
    json!({ "status": { "conditions": [{
        "type": "Ready", "lastTransitionTime": format!("2026-01-10T07:{minute:02}:00Z"),
    }] } })
}

fn annotated(cost: &str) -> Value {
    json!({ "metadata": { "annotations": { "controller.kubernetes.io/pod-deletion-cost": cost } } })
}

// IP-79: each pair goes first, second.
#[rstest]
#[case::no_node(json!({ "spec": { "nodeName": "" } }), json!({}))]
#[case::phase(json!({ "status": { "phase": "Pending" } }), json!({ "status": { "phase": "Unknown" } }))]
#[case::unknown_phase(json!({ "status": { "phase": "Unknown" } }), json!({}))]
#[case::not_ready(json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }), json!({}))]
#[case::ready_later(ready_since(30), ready_since(20))]
#[case::ready_since_unknown(
    json!({ "status": { "conditions": [{ "type": "Ready", "lastTransitionTime": null }] } }),
    ready_since(59)
)]
#[case::restarts(
    json!({ "status": { "containerStatuses": [{ "name": "app", "restartCount": 3 }] } }), json!({})
)]
#[case::restarts_of_sidecars(sidecar("Always"), json!({}))]
#[case::newer(
    json!({ "metadata": { "creationTimestamp": "2026-01-02T00:00:00Z" } }),
    json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } })
)]
#[case::age_unknown(
    json!({}), json!({ "metadata": { "creationTimestamp": "2026-01-01T00:00:00Z" } })
)]
fn default_update_order_ip_79(#[case] first: Value, #[case] second: Value) {
    // The names are in the opposite order, so that only the rule can decide.
    let pods = [named("a", &second), named("b", &first)];
    assert_eq!(updated(&pods, &[0, 1], None, None), [1, 0]);
}

fn sidecar(restart_policy: &str) -> Value {
    json!({
        "spec": { "initContainers": [{ "name": "side", "restartPolicy": restart_policy }] },
        "status": { "initContainerStatuses": [{ "name": "side", "restartCount": 2 }] },
    })
}

#[test]
fn restarts_of_ordinary_init_containers_do_not_count_ip_79() {
    let pods = [named("a", &json!({})), named("b", &sidecar(""))];
    assert_eq!(updated(&pods, &[1, 0], None, None), [0, 1]);
}

fn weights(terms: &[(i32, Value)]) -> UpdatePriorityStrategy {
    let terms: Vec<Value> = terms
        .iter()
        .map(|(weight, selector)| json!({ "weight": weight, "matchSelector": selector }))
        .collect();
    serde_json::from_value(json!({ "weightPriority": terms })).unwrap()
}

fn order(keys: &[&str]) -> UpdatePriorityStrategy {
    let terms: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "orderedKey": key }))
        .collect();
    serde_json::from_value(json!({ "orderPriority": terms })).unwrap()
}

fn equals(key: &str, value: &str) -> Value {
    json!({ "matchLabels": { key: value } })
}

// IP-80, IP-S15
#[test]
fn weight_priority_ip_80() {
    let pods = labelled(&[
        json!({}),
        json!({ "b": "1" }),
        json!({ "a": "1", "b": "1" }),
        json!({ "a": "1" }),
    ]);
    let strategy = weights(&[(10, equals("a", "1")), (5, equals("b", "1"))]);
    assert_eq!(
        updated(&pods, &[0, 1, 2, 3], Some(&strategy), None),
        [2, 3, 1, 0]
    );
}

// CS-S33
#[test]
fn weight_priority_cs_s33() {
    let pods = labelled(&[
        json!({ "z": "2" }),
        json!({}),
        json!({ "t": "foo" }),
        json!({ "t": "foo", "z": "1" }),
        json!({ "z": "1" }),
    ]);
    let one_or_two = json!({ "matchExpressions": [
        { "key": "z", "operator": "In", "values": ["1", "2"] },
    ] });
    let broken = json!({ "matchExpressions": [{ "key": "z", "operator": "Near" }] });
    let strategy = weights(&[
        (50, equals("t", "foo")),
        (30, equals("z", "1")),
        (20, one_or_two),
        (99, broken),
    ]);
    assert_eq!(
        updated(&pods, &[0, 1, 2, 3, 4], Some(&strategy), None),
        [3, 2, 4, 0, 1]
    );
}

// IP-81, IP-S16, CS-S33
#[rstest]
#[case(
    vec![json!({ "k1": "s-2" }), json!({ "k2": "9" }), json!({}), json!({ "k1": "s-10" })],
    &["k1", "k2"],
    &[2, 3, 0, 1]
)]
#[case(
    vec![json!({ "ord": "a-2" }), json!({ "ord": "a-10" }), json!({})], &["ord"], &[2, 1, 0]
)]
#[case(
    vec![json!({ "k": "99999999999999999999" }), json!({ "k": "1" }), json!({ "k": "x" })],
    &["k"],
    &[1, 0, 2]
)]
fn order_priority_ip_81(
    #[case] labels: Vec<Value>,
    #[case] keys: &[&str],
    #[case] expected: &[usize],
) {
    let pods = labelled(&labels);
    let waiting: Vec<usize> = (0..pods.len()).collect();
    assert_eq!(updated(&pods, &waiting, Some(&order(keys)), None), expected);
}

fn term(key: &str, value: &str) -> UpdateScatterTerm {
    UpdateScatterTerm {
        key: key.to_owned(),
        value: value.to_owned(),
        ..UpdateScatterTerm::default()
    }
}

// IP-85, IP-86, IP-S17: A is a pod that matches.
#[rstest]
#[case(".A..A..A..", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 0, 2, 3, 5, 4, 6, 8, 9, 7])]
#[case("AAAA......", &[0, 1, 4, 5, 6, 7, 8, 9], &[4, 5, 6, 7, 0, 8, 9, 1])]
#[case("AAAAAA....", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[0, 6, 1, 7, 2, 8, 3, 9, 4, 5])]
#[case(".......AAA", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[7, 0, 1, 2, 3, 8, 4, 5, 6, 9])]
#[case("..AAAA", &[0, 1, 2, 3, 4, 5], &[2, 3, 0, 4, 1, 5])]
#[case("A...", &[0, 1, 2, 3], &[0, 1, 2, 3])]
#[case("AAA.", &[0, 1, 2, 3], &[0, 1, 2, 3])]
fn scatter_ip_86(#[case] pattern: &str, #[case] waiting: &[usize], #[case] expected: &[usize]) {
    let labels: Vec<Value> = pattern
        .chars()
        .map(|mark| {
            if mark == 'A' {
                json!({ "a": "1" })
            } else {
                json!({})
            }
        })
        .collect();
    let pods = labelled(&labels);
    assert_eq!(
        updated(&pods, waiting, None, Some(&[term("a", "1")])),
        expected
    );
    // IP-83: a term that nothing waiting meets changes nothing, and `*` is taken literally (CS-85).
    let terms = [term("b", "2"), term("a", "*"), term("a", "1")];
    assert_eq!(updated(&pods, waiting, None, Some(&terms)), expected);
}

// IP-83: of two terms that pods meet, the one that more pods meet goes first.
#[test]
fn scatter_of_two_terms_ip_83() {
    let labels: Vec<Value> = (0..8)
        .map(|index| match index {
            0 | 1 => json!({ "b": "1" }),
            2..=4 => json!({ "a": "1" }),
            _ => json!({}),
        })
        .collect();
    let pods = labelled(&labels);
    let waiting: Vec<usize> = (0..8).collect();
    let (a, b) = (term("a", "1"), term("b", "1"));
    let both = |terms: &[UpdateScatterTerm]| updated(&pods, &waiting, None, Some(terms));
    let listed = both(&[b.clone(), a.clone()]);
    assert_eq!(listed, both(&[a.clone(), b.clone()]));
    // The terms are spread each alone, and both together as one after the other.
    assert_eq!(both(&[a]), [2, 0, 1, 5, 3, 6, 7, 4]);
    assert_eq!(both(&[b]), [0, 2, 3, 4, 5, 6, 7, 1]);
    assert_ne!(listed, waiting);
}

// IP-82
#[test]
fn weight_wins_where_both_forms_are_given_ip_82() {
    let pods = labelled(&[json!({ "k": "9" }), json!({ "k": "1", "a": "1" })]);
    let mut both = order(&["k"]);
    both.weight_priority = Some(vec![UpdatePriorityWeightTerm {
        weight: 1,
        match_selector: serde_json::from_value(json!({ "matchLabels": { "a": "1" } })).unwrap(),
        ..UpdatePriorityWeightTerm::default()
    }]);
    assert_eq!(updated(&pods, &[0, 1], Some(&order(&["k"])), None), [0, 1]);
    assert_eq!(updated(&pods, &[0, 1], Some(&both), None), [1, 0]);
}

// CS-S34: 1st, 6th and last
#[test]
fn scatter_cs_s34() {
    let labels: Vec<Value> = (0..10)
        .map(|index| {
            if index < 3 {
                json!({ "foo": "bar" })
            } else {
                json!({})
            }
        })
        .collect();
    let waiting: Vec<usize> = (0..10).collect();
    let order = updated(
        &labelled(&labels),
        &waiting,
        None,
        Some(&[term("foo", "bar")]),
    );
    let positions: Vec<usize> = order
        .iter()
        .enumerate()
        .filter(|(_, index)| **index < 3)
        .map(|(at, _)| at + 1)
        .collect();
    assert_eq!(positions, [1, 6, 10]);
}

// IP-87
#[test]
fn pods_held_for_their_update_go_first_ip_87() {
    let held = json!({ "lifecycle.apps.kruise.io/state": "PreparingUpdate", "a": "0" });
    let pods = labelled(&[json!({ "a": "2" }), json!({ "a": "1" }), held]);
    assert_eq!(
        updated(&pods, &[0, 1, 2], Some(&order(&["a"])), None),
        [2, 0, 1]
    );
}

// IP-98, CS-S5
#[rstest]
#[case("10", 10)]
#[case("-5", -5)]
#[case("0", 0)]
#[case("+5", 0)]
#[case("007", 0)]
#[case("many", 0)]
#[case("", 0)]
#[case("-", 0)]
#[case("2147483648", 0)]
#[case("-2147483648", -2_147_483_648)]
fn deletion_cost_ip_98(#[case] text: &str, #[case] expected: i32) {
    assert_eq!(deletion_cost(&named("p", &annotated(text))), expected);
}

// IP-94, IP-S37, CS-S5
#[test]
fn cheaper_pods_go_first_ip_94() {
    let pods = [
        named("p0", &annotated("10")),
        named("p1", &annotated("+1")),
        named("p2", &annotated("-5")),
    ];
    assert_eq!(deleted(&pods, &Spread::None), ["p2", "p1", "p0"]);
}

// IP-90 to IP-93 go before the cost.
#[rstest]
#[case::no_node(json!({ "spec": { "nodeName": "" } }))]
#[case::phase(json!({ "status": { "phase": "Pending" } }))]
#[case::not_ready(json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }))]
fn what_serves_least_goes_first_ip_90(#[case] first: Value) {
    let pods = [named("a", &annotated("-100")), named("b", &first)];
    assert_eq!(deleted(&pods, &Spread::None), ["b", "a"]);
}

#[test]
fn available_pods_go_last_ip_92() {
    let pods = [named("a", &annotated("-100")), named("b", &json!({}))];
    let mut order: Vec<&Pod> = pods.iter().collect();
    deletion_order(&mut order, &Spread::None, &|pod| pod.metadata.name == "a");
    assert_eq!(order[0].metadata.name, "b");
}

fn on_node(name: &str, node: &str, minute: u32) -> Pod {
    let mut pod = named(name, &ready_since(minute));
    pod.spec.node_name = node.into();
    pod
}

// IP-99, IP-S38, CS-S6: p3 became ready last, yet the pods that share a node go first.
#[test]
fn pods_on_one_node_are_thinned_out_ip_99() {
    let pods = [
        on_node("p0", "n1", 1),
        on_node("p1", "n1", 2),
        on_node("p2", "n1", 3),
        on_node("p3", "n2", 4),
    ];
    assert_eq!(deleted(&pods, &Spread::SameNode), ["p2", "p1", "p3", "p0"]);
    assert_eq!(deleted(&pods, &Spread::None), ["p3", "p2", "p1", "p0"]);
}

// IP-100, CS-S7: three pods in z1, one in z2; n9 can't be read.
#[test]
fn pods_in_the_fuller_zone_go_first_ip_100() {
    let zone = |zone: &str| StringMap::from([("zone".to_owned(), zone.to_owned())]);
    let nodes: BTreeMap<String, StringMap> =
        [("n1", "z1"), ("n2", "z1"), ("n3", "z1"), ("n4", "z2")]
            .map(|(node, name)| (node.to_owned(), zone(name)))
            .into();
    let pods = [
        on_node("p1", "n1", 1),
        on_node("p2", "n2", 2),
        on_node("p3", "n3", 3),
        on_node("p4", "n4", 4),
        on_node("p9", "n9", 9),
    ];
    let keys = ["zone".to_owned()];
    let spread = Spread::Topology {
        nodes: &nodes,
        keys: &keys,
    };
    assert_eq!(deleted(&pods, &spread), ["p3", "p2", "p4", "p1", "p9"]);
}

// IP-84
#[test]
fn wildcards_stand_for_each_value_ip_84() {
    let pods = labelled(&[
        json!({ "zone": "b" }),
        json!({}),
        json!({ "zone": "a" }),
        json!({ "zone": "b", "rack": "*" }),
        json!({ "zone": "" }),
    ]);
    let pods: Vec<&Pod> = pods.iter().collect();
    let term = |key: &str, value: &str| UpdateScatterTerm {
        key: key.to_owned(),
        value: value.to_owned(),
        ..UpdateScatterTerm::default()
    };
    let terms = [
        term("app", "web"),
        term("zone", "*"),
        term("floor", "*"),
        term("rack", "*"),
    ];
    let expected = [
        term("app", "web"),
        term("zone", "b"),
        term("zone", "a"),
        term("zone", ""),
        term("rack", "*"),
    ];
    assert_eq!(expand_wildcards(&terms, &pods), expected);
    // CloneSet takes the asterisk literally.
    let (order, waiting) = ([0, 1, 2, 3, 4], [term("zone", "*")]);
    let names: Vec<Pod> = pods.iter().map(|pod| (*pod).clone()).collect();
    assert_eq!(updated(&names, &order, None, Some(&waiting)), order);
}

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn placement(spec: &Value) -> Placement {
    serde_json::from_value(spec.clone()).unwrap()
}

/// Node n1 in zone a with 4 CPUs, changed by a merge of `change`.
fn node(change: &Value) -> Node {
    let mut node = json!({
        "metadata": { "name": "n1", "labels": { "zone": "a", "slot": "7" } },
        "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110", "acme.io/gpu": "1" } },
    });
    json_patch::merge(&mut node, change);
    serde_json::from_value(node).unwrap()
}

fn required(terms: &Value) -> Value {
    let required = json!({ "nodeSelectorTerms": terms });
    json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } } })
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] })
}

fn field(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "matchFields": [{ "key": key, "operator": operator, "values": values }] })
}

// DS-31 (2), BJ-42 (2)
#[rstest]
#[case::nothing_said(json!({}), true)]
#[case::selector(json!({ "nodeSelector": { "zone": "a" } }), true)]
#[case::other_value(json!({ "nodeSelector": { "zone": "b" } }), false)]
#[case::other_label(json!({ "nodeSelector": { "zone": "a", "disk": "ssd" } }), false)]
#[case::is_in(required(&json!([expression("zone", "In", &["b", "a"])])), true)]
#[case::is_not_in(required(&json!([expression("zone", "In", &["b"])])), false)]
#[case::has_not(required(&json!([expression("disk", "In", &["ssd"])])), false)]
#[case::not_in(required(&json!([expression("zone", "NotIn", &["b"])])), true)]
#[case::not_in_it(required(&json!([expression("zone", "NotIn", &["a", "b"])])), false)]
#[case::not_in_for_want_of_it(required(&json!([expression("disk", "NotIn", &["ssd"])])), true)]
#[case::exists(required(&json!([expression("zone", "Exists", &[])])), true)]
#[case::exists_not(required(&json!([expression("disk", "Exists", &[])])), false)]
#[case::does_not_exist(required(&json!([expression("disk", "DoesNotExist", &[])])), true)]
#[case::does_exist(required(&json!([expression("zone", "DoesNotExist", &[])])), false)]
#[case::greater(required(&json!([expression("slot", "Gt", &["6"])])), true)]
#[case::not_greater(required(&json!([expression("slot", "Gt", &["7"])])), false)]
#[case::less(required(&json!([expression("slot", "Lt", &["8"])])), true)]
#[case::no_number_on_the_node(required(&json!([expression("zone", "Lt", &["8"])])), false)]
#[case::by_name(required(&json!([field("metadata.name", "In", &["n1"])])), true)]
#[case::by_another_name(required(&json!([field("metadata.name", "In", &["n2"])])), false)]
#[case::by_not_being_another(required(&json!([field("metadata.name", "NotIn", &["n2"])])), true)]
#[case::second_term(required(&json!([expression("zone", "In", &["b"]), expression("zone", "In", &["a"])])), true)]
#[case::both_parts_of_a_term(required(&json!([{
    "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }],
    "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["n2"] }],
}])), false)]
#[case::selector_and_affinity(json!({
    "nodeSelector": { "zone": "b" },
    "affinity": required(&json!([expression("zone", "Exists", &[])]))["affinity"],
}), false)]
// What makes no sense matches nothing.
#[case::no_term(required(&json!([])), false)]
#[case::empty_term(required(&json!([{}])), false)]
#[case::empty_term_beside_another(required(&json!([{}, expression("zone", "Exists", &[])])), true)]
#[case::in_nothing(required(&json!([expression("zone", "In", &[])])), false)]
#[case::not_in_nothing(required(&json!([expression("zone", "NotIn", &[])])), false)]
#[case::exists_with_values(required(&json!([expression("zone", "Exists", &["a"])])), false)]
#[case::greater_than_a_word(required(&json!([expression("slot", "Gt", &["six"])])), false)]
#[case::greater_than_two(required(&json!([expression("slot", "Gt", &["1", "2"])])), false)]
#[case::unknown_operator(required(&json!([expression("zone", "Like", &["a"])])), false)]
#[case::key_that_no_label_has(required(&json!([expression("zo ne", "DoesNotExist", &[])])), false)]
#[case::value_that_no_label_has(required(&json!([expression("zone", "NotIn", &["b b"])])), false)]
#[case::two_names(required(&json!([field("metadata.name", "In", &["n1", "n2"])])), false)]
#[case::other_field(required(&json!([field("metadata.uid", "NotIn", &["x"])])), false)]
#[case::field_exists(required(&json!([field("metadata.name", "Exists", &[])])), false)]
#[case::senseless_beside_sense(required(&json!([
    expression("zone", "Like", &["a"]), expression("zone", "In", &["a"]),
])), true)]
fn nodes_that_a_pod_selects(#[case] spec: Value, #[case] expected: bool) {
    assert_eq!(selects(&placement(&spec), &node(&json!({}))), expected);
}

// DS-32, BJ-42 (3)
#[rstest]
#[case::none(json!([]), "NoSchedule", false)]
#[case::equal(json!([{ "key": "k", "value": "v" }]), "NoSchedule", true)]
#[case::equal_by_word(json!([{ "key": "k", "operator": "Equal", "value": "v" }]), "NoSchedule", true)]
#[case::other_value(json!([{ "key": "k", "value": "w" }]), "NoSchedule", false)]
#[case::exists(json!([{ "key": "k", "operator": "Exists" }]), "NoExecute", true)]
#[case::other_key(json!([{ "key": "l", "operator": "Exists" }]), "NoExecute", false)]
#[case::any_key(json!([{ "operator": "Exists" }]), "NoExecute", true)]
#[case::its_effect(json!([{ "key": "k", "operator": "Exists", "effect": "NoExecute" }]), "NoExecute", true)]
#[case::other_effect(json!([{ "key": "k", "operator": "Exists", "effect": "NoExecute" }]), "NoSchedule", false)]
#[case::for_a_while(json!([{ "key": "k", "operator": "Exists", "tolerationSeconds": 1 }]), "NoExecute", true)]
#[case::unknown_operator(json!([{ "key": "k", "operator": "Lt", "value": "v" }]), "NoSchedule", false)]
#[case::only_preferred(json!([]), "PreferNoSchedule", true)]
#[case::unknown_effect(json!([]), "Other", true)]
fn taints_that_keep_a_pod_away(
    #[case] tolerations: Value,
    #[case] effect: &str,
    #[case] expected: bool,
) {
    let taint = json!({ "key": "k", "value": "v", "effect": effect });
    let node = node(&json!({ "spec": { "taints": [taint] } }));
    let pod = placement(&json!({ "tolerations": tolerations }));
    assert_eq!(tolerates_taints(&pod, &node), expected);
}

// BJ-42 (3): every one of them.
#[test]
fn one_taint_that_is_not_tolerated_is_enough() {
    let taints =
        json!([{ "key": "a", "effect": "NoSchedule" }, { "key": "b", "effect": "NoSchedule" }]);
    let node = node(&json!({ "spec": { "taints": taints } }));
    let tolerates = |keys: &[&str]| {
        let tolerations: Vec<Value> = keys
            .iter()
            .map(|key| json!({ "key": key, "operator": "Exists" }))
            .collect();
        tolerates_taints(&placement(&json!({ "tolerations": tolerations })), &node)
    };
    assert!(tolerates(&["a", "b"]) && !tolerates(&["a"]) && !tolerates(&["b"]));
}

// BJ-42 (4), BJ-P4
#[rstest]
#[case::open(false, json!([]), true)]
#[case::cordoned(true, json!([]), false)]
#[case::tolerated(true, json!([{ "key": "node.kubernetes.io/unschedulable", "operator": "Exists" }]), true)]
#[case::for_another_effect(true,
    json!([{ "key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute" }]), false)]
fn a_cordoned_node(#[case] is_cordoned: bool, #[case] tolerations: Value, #[case] expected: bool) {
    let node = node(&json!({ "spec": { "unschedulable": is_cordoned } }));
    let pod = placement(&json!({ "tolerations": tolerations }));
    assert_eq!(is_open(&pod, &node), expected);
}

fn asks_for(requests: &Value) -> Placement {
    placement(&json!({ "containers": [{ "resources": { "requests": requests } }] }))
}

// BJ-42 (5), BJ-S16
#[rstest]
#[case::nothing(json!({}), json!({}), true)]
#[case::all(json!({ "cpu": "4000m", "memory": "8Gi", "acme.io/gpu": "1" }), json!({}), true)]
#[case::cpu(json!({ "cpu": "4001m" }), json!({}), false)]
#[case::memory(json!({ "memory": "9Gi" }), json!({}), false)]
#[case::extended(json!({ "acme.io/gpu": "2" }), json!({}), false)]
#[case::resource_that_it_has_not(json!({ "ephemeral-storage": "1" }), json!({}), false)]
#[case::none_of_one_that_it_has_not(json!({ "ephemeral-storage": "0" }), json!({}), true)]
#[case::no_pods(json!({}), json!({ "pods": "0" }), false)]
#[case::pods_not_told(json!({}), json!({ "pods": null }), false)]
fn room_on_an_empty_node(
    #[case] requests: Value,
    #[case] allocatable: Value,
    #[case] expected: bool,
) {
    let node = node(&json!({ "status": { "allocatable": allocatable } }));
    assert_eq!(has_room(&asks_for(&requests), &node), expected);
}

// DS-31 (1), BJ-42 (1)
#[rstest]
#[case("", false)]
#[case("n1", false)]
#[case("n2", true)]
fn a_pod_that_is_bound(#[case] to: &str, #[case] expected: bool) {
    let pod = placement(&json!({ "nodeName": to }));
    assert_eq!(is_bound_elsewhere(&pod, &node(&json!({}))), expected);
    assert_eq!(fits(&pod, &node(&json!({}))), !expected);
}

// BJ-42: each rule by itself keeps a pod away.
#[rstest]
#[case::bound(json!({ "nodeName": "n2" }), json!({}))]
#[case::selector(json!({ "nodeSelector": { "zone": "b" } }), json!({}))]
#[case::taint(json!({}), json!({ "spec": { "taints": [{ "key": "k", "effect": "NoExecute" }] } }))]
#[case::cordoned(json!({}), json!({ "spec": { "unschedulable": true } }))]
#[case::room(json!({}), json!({ "status": { "allocatable": { "pods": "0" } } }))]
fn all_rules_must_hold(#[case] spec: Value, #[case] change: Value) {
    assert!(fits(&placement(&json!({})), &node(&json!({}))));
    assert!(!fits(&placement(&spec), &node(&change)));
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "7", "zone", "slot", "n1"]).prop_map(str::to_owned)
}

fn requirement() -> impl Strategy<Value = Value> {
    let operators = vec!["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Like"];
    let values = prop::collection::vec(words(), 0..3);
    (words(), prop::sample::select(operators), values).prop_map(
        |(key, operator, values)| json!({ "key": key, "operator": operator, "values": values }),
    )
}

fn terms() -> impl Strategy<Value = Vec<Value>> {
    let requirements = || prop::collection::vec(requirement(), 0..3);
    let term = (requirements(), requirements()).prop_map(
        |(expressions, fields)| json!({ "matchExpressions": expressions, "matchFields": fields }),
    );
    prop::collection::vec(term, 0..4)
}

proptest! {
    // One term is enough, and a requirement more in each term can only make fewer nodes match. An empty term, which
    // matches nothing, is none that is narrowed.
    #[test]
    fn terms_are_alternatives_and_requirements_add_up(terms in terms(), more in requirement()) {
        let node = node(&json!({}));
        let selected = |terms: &[Value]| selects(&placement(&required(&json!(terms))), &node);
        let each = terms.iter().any(|term| selected(std::slice::from_ref(term)));
        prop_assert_eq!(selected(&terms), each);
        let narrowed: Vec<Value> = terms
            .iter()
            .filter(|term| term.to_string().contains("key"))
            .map(|term| {
                let mut term = term.clone();
                term["matchExpressions"].as_array_mut().unwrap().push(more.clone());
                term
            })
            .collect();
        prop_assert!(selected(&terms) || !selected(&narrowed));
    }

    // An operator and its opposite never both match, and one of them does wherever both make sense.
    #[test]
    fn opposites(key in words(), values in prop::collection::vec(words(), 0..3)) {
        let node = node(&json!({}));
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let one = |operator: &str| {
            selects(&placement(&required(&json!([expression(&key, operator, &values)]))), &node)
        };
        let makes_sense = !key.is_empty();
        prop_assert_eq!(one("In") != one("NotIn"), makes_sense && !values.is_empty());
        prop_assert_eq!(one("Exists") != one("DoesNotExist"), makes_sense && values.is_empty());
        prop_assert!(!(one("Gt") && one("Lt")));
    }

    // What a pod tolerates or a node has more of never makes the pod fit less.
    #[test]
    fn more_tolerations_and_more_room_never_hurt(cpu in 0..10_u32, has in 0..10_u32, effect in prop::sample::select(vec![
        "NoSchedule", "NoExecute", "PreferNoSchedule",
    ])) {
        let node_with = |cpu: u32| node(&json!({
            "spec": { "unschedulable": true, "taints": [{ "key": "k", "effect": effect }] },
            "status": { "allocatable": { "cpu": cpu } },
        }));
        let pod = |tolerations: Value| placement(&json!({
            "tolerations": tolerations,
            "containers": [{ "resources": { "requests": { "cpu": cpu } } }],
        }));
        let all = json!([{ "operator": "Exists" }]);
        prop_assert!(!fits(&pod(json!([])), &node_with(has)));
        prop_assert_eq!(fits(&pod(all.clone()), &node_with(has)), cpu <= has);
        prop_assert!(!fits(&pod(all.clone()), &node_with(has)) || fits(&pod(all), &node_with(has + 1)));
    }
}

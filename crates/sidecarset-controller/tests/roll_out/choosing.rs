//! Which pods are updated, how many, and in which order (SS-220 to SS-231).

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, agent, reasons, updated, world};

fn strategy(strategy: Value) -> Value {
    json!({ "updateStrategy": strategy })
}

/// So many pods at version 1, and a set at version 2.
fn outdated(n_pods: usize, update_strategy: Value) -> World {
    let mut world = world(n_pods, strategy(update_strategy));
    world.change(json!({ "containers": agent("agent:2") }));
    // The revision is registered first.
    world.reconcile();
    world
}

// SS-A17, SS-229, SS-288
#[rstest]
#[case::a_quarter(10, json!("25%"), 3)]
#[case::default(10, Value::Null, 1)]
#[case::number(10, json!(4), 4)]
#[case::a_fraction(10, json!("0.5%"), 1)]
#[case::of_one(1, json!("1%"), 1)]
#[case::all(3, json!("150%"), 3)]
#[case::none(3, json!(0), 0)]
#[case::negative(3, json!(-1), 0)]
#[case::unreadable(3, json!("5"), 0)]
fn max_unavailable_bounds_ready_pods(
    #[case] n_pods: usize,
    #[case] max: Value,
    #[case] expected: usize,
) {
    let mut world = outdated(n_pods, json!({ "maxUnavailable": max }));
    let plan = world.reconcile();
    assert_eq!(updated(&plan).len(), expected);
}

// SS-A17
#[test]
fn updated_pods_count_until_they_are_ready_and_consistent() {
    let mut world = outdated(10, json!({ "maxUnavailable": "25%" }));
    let first = updated(&world.reconcile());
    assert_eq!(first.len(), 3);
    assert_eq!(reasons(&world.reconcile())[0], "MaxUnavailableReached");
    world.run(&first[0]);
    for name in &first[1..] {
        world.set_ready(name, false);
    }
    let second = world.reconcile();
    assert_eq!(updated(&second).len(), 1);
    assert!(!first.contains(&updated(&second)[0]));
}

// SS-A18, SS-P6: pods that are not ready cost nothing.
#[test]
fn pods_that_are_not_ready_are_free() {
    let mut world = outdated(10, json!({ "maxUnavailable": 1 }));
    for index in 0..4 {
        world.set_ready(&format!("web-{index}"), false);
    }
    let names = updated(&world.reconcile());
    assert_eq!(names.len(), 5);
    for index in 0..4 {
        assert!(names[..4].contains(&format!("web-{index}")), "{names:?}");
    }
}

// SS-229: not even they are taken behind one that has to wait.
#[test]
fn with_no_pod_to_spare_only_those_that_are_not_ready_are_updated() {
    let mut world = outdated(4, json!({ "maxUnavailable": 0 }));
    world.set_ready("web-2", false);
    assert_eq!(updated(&world.reconcile()), ["web-2"]);
    let plan = world.reconcile();
    assert_eq!(reasons(&plan)[0], "MaxUnavailableReached");
    let words = plan.notes.waiting_on[0].to_string();
    assert!(
        words.starts_with("spec.updateStrategy.maxUnavailable is used up; pod shop/web-2: "),
        "{words}"
    );
}

// SS-A19, SS-228, SS-288, IP-162
#[rstest]
#[case::most(7, json!("90%"), 1)]
#[case::all(7, json!("100%"), 0)]
#[case::number(7, json!(3), 4)]
#[case::more_than_all(7, json!(9), 0)]
#[case::none(7, json!(0), 7)]
#[case::negative(7, json!(-2), 7)]
#[case::fraction(200, json!("0.5%"), 199)]
#[case::of_one(1, json!("1%"), 0)]
#[case::unreadable(3, json!("2"), 3)]
fn a_partition_keeps_pods(
    #[case] n_pods: usize,
    #[case] partition: Value,
    #[case] expected: usize,
) {
    let mut world = outdated(
        n_pods,
        json!({ "maxUnavailable": "100%", "partition": partition }),
    );
    let plan = world.reconcile();
    assert_eq!(updated(&plan).len(), expected);
    world.run_all();
    let at_rest = world.settle();
    assert_eq!(updated(&at_rest), Vec::<String>::new());
    let is_held = expected < n_pods;
    assert_eq!(reasons(&at_rest).contains(&"PartitionReached"), is_held);
}

// SS-223
#[test]
fn a_partition_that_grows_takes_nothing_back() {
    let mut world = outdated(4, json!({ "maxUnavailable": 4, "partition": 2 }));
    world.reconcile();
    world.run_all();
    world.change(strategy(json!({ "partition": 4 })));
    world.settle();
    assert_eq!(world.counts(), "4 2 4 2");
}

// SS-A20
#[test]
fn a_selector_chooses_pods() {
    let selector = json!({ "matchLabels": { "canary": "true" } });
    let mut world = world(20, json!({}));
    for name in ["web-3", "web-7"] {
        world.label(name, "canary", "true");
    }
    world.change(strategy(
        json!({ "selector": selector, "maxUnavailable": 5 }),
    ));
    world.change(json!({ "containers": agent("agent:2") }));
    world.reconcile();
    assert_eq!(updated(&world.reconcile()), ["web-3", "web-7"]);
    world.run_all();
    assert_eq!(reasons(&world.settle()), ["NotSelected"]);
    world.label("web-11", "canary", "true");
    assert_eq!(updated(&world.reconcile()), ["web-11"]);
}

// SS-220: a selector that can't be read selects none.
#[test]
fn a_broken_selector_chooses_none() {
    let broken = json!({ "matchExpressions": [{ "key": "a", "operator": "Like" }] });
    let mut world = outdated(2, json!({ "selector": broken }));
    let plan = world.reconcile();
    assert_eq!(updated(&plan), Vec::<String>::new());
    assert_eq!(reasons(&plan), ["InvalidSpec"]);
}

// SS-224, IP-79: pods that serve least go first.
#[test]
fn those_that_serve_least_go_first() {
    let mut world = outdated(4, json!({ "maxUnavailable": 4 }));
    world.change_pod("web-1", |pod| {
        pod["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-01-10T09:30:00Z");
    });
    world.set_ready("web-3", false);
    world.change_pod("web-2", |pod| {
        pod["spec"].as_object_mut().unwrap().remove("nodeName");
    });
    assert_eq!(
        updated(&world.reconcile()),
        ["web-2", "web-3", "web-1", "web-0"]
    );
}

// SS-A21, SS-226, SS-P2, IP-81
#[test]
fn priorities_order_pods() {
    let priority = json!({ "orderPriority": [{ "orderedKey": "rank" }] });
    let mut world = outdated(
        3,
        json!({ "maxUnavailable": 3, "priorityStrategy": priority }),
    );
    world.label("web-0", "rank", "x-3");
    world.label("web-1", "rank", "7");
    assert_eq!(updated(&world.reconcile()), ["web-2", "web-1", "web-0"]);
}

// SS-226, IP-80, SS-P2: without a match the order stays.
#[test]
fn weights_order_pods_and_ties_keep_their_order() {
    let priority = json!({ "weightPriority": [
        { "weight": 10, "matchSelector": { "matchLabels": { "tier": "test" } } },
    ] });
    let mut world = outdated(
        4,
        json!({ "maxUnavailable": 4, "priorityStrategy": priority }),
    );
    world.label("web-2", "tier", "test");
    assert_eq!(
        updated(&world.reconcile()),
        ["web-2", "web-0", "web-1", "web-3"]
    );
}

// SS-A22, SS-227, IP-83 to IP-85
#[rstest]
#[case::one_value(json!("a"))]
#[case::every_value(json!("*"))]
fn scatter_spreads_pods(#[case] value: Value) {
    let scatter = json!([{ "key": "zone", "value": value }]);
    let mut world = outdated(
        8,
        json!({ "maxUnavailable": 8, "scatterStrategy": scatter }),
    );
    for name in ["web-0", "web-1", "web-2"] {
        world.label(name, "zone", "a");
    }
    let names = updated(&world.reconcile());
    let in_zone = |name: &&String| ["web-0", "web-1", "web-2"].contains(&name.as_str());
    let places = names.iter().enumerate().filter(|(_, name)| in_zone(name));
    let places: Vec<usize> = places.map(|(place, _)| place + 1).collect();
    assert_eq!(places, [1, 5, 8]);
}

// SS-222: a ready sidecar that does not run its image yet blocks its pod; one that is not ready does not (SS-285).
#[rstest]
#[case::in_flight(true)]
#[case::failed(false)]
fn a_pod_in_flight_waits_unless_its_sidecar_has_failed(#[case] is_ready: bool) {
    let mut world = outdated(1, json!({}));
    assert_eq!(updated(&world.reconcile()), ["web-0"]);
    if !is_ready {
        // It can't be pulled, so that the old one does not run any more, and its status stays.
        world.change_pod("web-0", |pod| {
            pod["status"]["containerStatuses"][1]["ready"] = json!(false);
        });
        world.set_ready("web-0", false);
    }
    world.change(json!({ "containers": agent("agent:3") }));
    world.reconcile();
    let plan = world.reconcile();
    let expected: &[&str] = if is_ready { &[] } else { &["web-0"] };
    assert_eq!(updated(&plan), expected);
    assert_eq!(reasons(&plan).contains(&"UpdateInFlight"), is_ready);
}

// SS-201, SS-203, SS-204, SS-206, SS-P13, SS-284: whom the set manages.
#[rstest]
#[case::plain(json!({}), 1)]
#[case::ended(json!({ "status": { "phase": "Failed" } }), 0)]
#[case::terminating(json!({ "metadata": { "deletionTimestamp": "2026-01-10T09:00:00Z" } }), 0)]
#[case::relabelled(json!({ "metadata": { "labels": { "app": "db" } } }), 0)]
#[case::not_listed(json!({ "metadata": { "annotations": { "kruise.io/sidecarset-injected-list": "mesh" } } }), 0)]
#[case::without_the_container(json!({ "spec": { "containers": [{ "name": "main" }] } }), 0)]
#[case::as_init_container(json!({ "spec": {
    "containers": [{ "name": "main" }], "initContainers": [{ "name": "agent" }],
} }), 1)]
fn only_injected_pods_that_match_are_managed(#[case] change: Value, #[case] expected: usize) {
    let mut world = world(1, json!({}));
    world.change_pod("web-0", |pod| json_patch::merge(pod, &change));
    world.reconcile();
    assert_eq!(world.set["status"]["matchedPods"], expected);
}

// SS-203
#[rstest]
#[case::all(json!(null), 1)]
#[case::selected(json!({ "matchLabels": { "env": "prod" } }), 1)]
#[case::others(json!({ "matchLabels": { "env": "test" } }), 0)]
fn namespaces_are_selected(#[case] selector: Value, #[case] expected: usize) {
    let mut world = world(1, json!({}));
    world.change(json!({ "namespaceSelector": selector }));
    world.settle();
    assert_eq!(world.set["status"]["matchedPods"], expected);
}

// SS-104
#[rstest]
#[case::none(json!(null))]
#[case::empty(json!({ "matchLabels": null }))]
fn an_empty_selector_matches_nothing(#[case] selector: Value) {
    let mut world = world(1, json!({}));
    world.change(json!({ "selector": selector }));
    world.settle();
    assert_eq!(world.counts(), "0 0 0 0");
}

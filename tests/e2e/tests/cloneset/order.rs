//! Which pods go first, when scaling in and when updating.

use std::collections::BTreeSet;

use e2e::{
    Namespace,
    namespace::{in_place, label, name_of},
    pods::{labelled, small, unplaced},
    undisturbed,
    witness::Diary,
};
use serde_json::{Value, json};

/// Pods of a set that has no say yet in where they run.
async fn held_pods(test: &Namespace, replicas: i32) -> (Vec<String>, Vec<String>) {
    let nodes = test.nodes().await;
    assert!(nodes.len() >= 3, "three nodes are needed: {nodes:?}");
    let spec = unplaced(replicas, json!({}));
    test.create_clone_set("web", spec).await.unwrap();
    let n_pods = usize::try_from(replicas).unwrap();
    (test.n_pods(n_pods).await, nodes)
}

async fn scale_in(test: &Namespace, replicas: usize) -> BTreeSet<String> {
    test.decided("web").await;
    test.patch("web", json!({ "spec": { "replicas": replicas } }))
        .await;
    test.n_pods(replicas).await.into_iter().collect()
}

fn set_of(pods: &[&String]) -> BTreeSet<String> {
    pods.iter().map(|pod| (*pod).clone()).collect()
}

// CS-S4, IP-90, IP-96
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_a_node_goes_and_then_the_last_that_got_ready() {
    let _guard = undisturbed().await;
    let test = Namespace::create("unassigned").await;
    let (pods, nodes) = held_pods(&test, 4).await;
    let [a, b, unassigned, d] = &pods[..] else {
        panic!("{pods:?}")
    };
    for (pod, node) in [a, b, d].into_iter().zip(&nodes) {
        test.place(pod, node).await;
    }
    test.open_in_turn(&[d, a, b]).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    let left = scale_in(&test, 2).await;
    assert_eq!(left, set_of(&[a, d]), "{unassigned} and {b} go");
}

// CS-S5, IP-S37, IP-94, IP-98
#[tokio::test(flavor = "multi_thread")]
async fn the_pod_with_the_lowest_deletion_cost_goes_first() {
    let _guard = undisturbed().await;
    let test = Namespace::create("cost").await;
    let (pods, nodes) = held_pods(&test, 3).await;
    let [ten, without, minus] = &pods[..] else {
        panic!("{pods:?}")
    };
    for (pod, node) in pods.iter().zip(&nodes) {
        test.place(pod, node).await;
    }
    let cost = |pod: String, cost: &'static str| {
        let annotations = json!({ "controller.kubernetes.io/pod-deletion-cost": cost });
        let patch = json!({ "metadata": { "annotations": annotations } });
        let test = &test;
        async move { test.patch_pod(&pod, patch).await }
    };
    cost(ten.clone(), "10").await;
    cost(minus.clone(), "-5").await;
    // By readiness alone the first two would go first.
    test.open_in_turn(&[minus, without, ten]).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    assert_eq!(scale_in(&test, 2).await, set_of(&[ten, without]));
    // None is 0. (The server refuses "+1", which counts as 0 too where it slipped in.)
    cost(ten.clone(), "1").await;
    assert_eq!(scale_in(&test, 1).await, set_of(&[ten]));
}

// CS-S6, IP-S38, IP-99
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_several_pods_gives_one_first() {
    let _guard = undisturbed().await;
    let test = Namespace::create("samenode").await;
    let (pods, nodes) = held_pods(&test, 4).await;
    let [a, b, c, alone] = &pods[..] else {
        panic!("{pods:?}")
    };
    for pod in [a, b, c] {
        test.place(pod, &nodes[0]).await;
    }
    test.place(alone, &nodes[1]).await;
    test.open_in_turn(&[a, c, b, alone]).await;
    test.status_becomes("web", "availableReplicas", 4).await;
    assert_eq!(scale_in(&test, 3).await, set_of(&[a, c, alone]));
    assert_eq!(scale_in(&test, 2).await, set_of(&[a, alone]));
    let left = scale_in(&test, 1).await;
    assert_eq!(
        left,
        set_of(&[a]),
        "one pod a node: the last that got ready"
    );
}

/// Updates pods with these labels one by one, and returns their indexes in the order in which they were updated.
async fn update_order(test: &str, strategy: Value, labels: &[Value]) -> Vec<usize> {
    let _guard = undisturbed().await;
    let test = Namespace::create(test).await;
    let mut terms = in_place(json!(1));
    terms["priorityStrategy"] = strategy;
    let replicas = i32::try_from(labels.len()).unwrap();
    test.create_clone_set("web", small(replicas, terms))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let pods = test.n_pods(labels.len()).await;
    for (pod, labels) in pods.iter().zip(labels) {
        test.patch_pod(pod, json!({ "metadata": { "labels": labels } }))
            .await;
    }
    test.decided("web").await;
    let diary = Diary::start(test.pod_api(), |pod| label(pod, "tier").to_owned()).await;
    test.relabel_template("web", "b").await;
    test.rolled_out("web").await;
    let order = diary.order_of("b");
    assert_eq!(order.len(), pods.len(), "each once: {order:?}");
    let index = |name: &String| pods.iter().position(|pod| pod == name).unwrap();
    order.iter().map(index).collect()
}

fn weight(weight: i32, selector: Value) -> Value {
    json!({ "weight": weight, "matchSelector": selector })
}

// CS-S33, IP-80
#[tokio::test(flavor = "multi_thread")]
async fn weights_add_up_to_the_update_order() {
    let matching = |labels: Value| json!({ "matchLabels": labels });
    let z = json!({ "key": "z", "operator": "In", "values": ["1", "2"] });
    let strategy = json!({ "weightPriority": [
        weight(50, matching(json!({ "t": "foo" }))),
        weight(30, matching(json!({ "z": "1" }))),
        weight(20, json!({ "matchExpressions": [z] })),
    ] });
    let labels = [
        json!({ "z": "2" }),
        json!({}),
        json!({ "t": "foo" }),
        json!({ "t": "foo", "z": "1" }),
        json!({ "z": "1" }),
    ];
    let mut order = update_order("weights", strategy, &labels).await;
    // These two weigh the same.
    order[1..3].sort_unstable();
    assert_eq!(order, [3, 2, 4, 0, 1]);
}

// IP-S15, IP-80
#[tokio::test(flavor = "multi_thread")]
async fn pods_of_several_weights_are_updated_before_those_of_one() {
    let strategy = json!({ "weightPriority": [
        weight(10, json!({ "matchLabels": { "a": "1" } })),
        weight(5, json!({ "matchLabels": { "b": "1" } })),
    ] });
    let labels = [
        json!({}),
        json!({ "b": "1" }),
        json!({ "a": "1", "b": "1" }),
        json!({ "a": "1" }),
    ];
    assert_eq!(
        update_order("weight", strategy, &labels).await,
        [2, 3, 1, 0]
    );
}

// CS-S33, CS-84, IP-81
#[tokio::test(flavor = "multi_thread")]
async fn numbers_in_labels_give_the_update_order() {
    let strategy = json!({ "orderPriority": [{ "orderedKey": "ord" }] });
    let labels = [json!({ "ord": "a-2" }), json!({}), json!({ "ord": "a-10" })];
    assert_eq!(update_order("numbers", strategy, &labels).await, [1, 2, 0]);
}

// IP-S16, IP-81
#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_that_a_pod_has_comes_before_its_number() {
    let strategy = json!({ "orderPriority": [{ "orderedKey": "k1" }, { "orderedKey": "k2" }] });
    let labels = [
        json!({ "k1": "s-2" }),
        json!({ "k2": "9" }),
        json!({}),
        json!({ "k1": "s-10" }),
    ];
    assert_eq!(update_order("keys", strategy, &labels).await, [2, 3, 0, 1]);
}

// CS-S34, IP-S17, CS-85: the first, the sixth and the last of ten.
#[tokio::test(flavor = "multi_thread")]
async fn scattered_pods_lie_far_apart_in_the_update_order() {
    let _guard = undisturbed().await;
    let test = Namespace::create("scatter").await;
    let mut terms = in_place(json!("100%"));
    terms["scatterStrategy"] = json!([{ "key": "foo", "value": "bar" }]);
    test.create_clone_set("web", small(10, terms))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let pods = test.n_pods(10).await;
    let scattered = [&pods[1], &pods[4], &pods[7]];
    for pod in scattered {
        test.label_pod(pod, "foo", json!("bar")).await;
    }
    test.decided("web").await;
    // How many of the scattered ones are among the first, which one pass takes.
    for (n_first, n_scattered) in [(1, 1), (5, 1), (6, 2), (9, 2), (10, 3)] {
        let terms = json!({ "partition": 10 - n_first });
        let template = json!({ "metadata": { "labels": { "tier": "b" } } });
        let spec = json!({ "template": template, "updateStrategy": { "rollingUpdate": terms } });
        test.patch("web", json!({ "spec": spec })).await;
        test.status_becomes("web", "updatedAvailableReplicas", n_first)
            .await;
        let updated = labelled(&test.active_pods().await, "tier", "b");
        let found = scattered
            .iter()
            .filter(|pod| updated.contains(**pod))
            .count();
        assert_eq!(found, n_scattered, "of the first {n_first}: {updated:?}");

        let template = json!({ "metadata": { "labels": { "tier": null } } });
        let spec = json!({
            "template": template, "updateStrategy": { "rollingUpdate": { "partition": 0 } },
        });
        test.patch("web", json!({ "spec": spec })).await;
        test.rolled_out("web").await;
    }
    let names: Vec<String> = test.active_pods().await.iter().map(name_of).collect();
    assert_eq!(names, pods, "all in place");
}

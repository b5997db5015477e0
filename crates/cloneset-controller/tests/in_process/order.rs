//! Which pods go first, when scaling in and when updating.

use kruise_api::resource::PODS;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, play},
    look::{label, name},
    specs::{gated, in_place, spec},
};

/// Gated pods of a set, on this node each, all ready and in this order.
async fn placed(cluster: &mut Cluster<'_>, nodes: &[&str], ready: &[usize]) -> Vec<String> {
    let mut spec = gated(i32::try_from(nodes.len()).unwrap(), json!({}));
    spec["template"]["spec"]["schedulingGates"] = json!([{ "name": "test.kruise.io/place" }]);
    cluster.create(spec).await;
    let pods = cluster.n_pods(nodes.len()).await;
    for (pod, node) in pods.iter().zip(nodes) {
        let selector = json!({ "kubernetes.io/hostname": node });
        let spec = json!({ "nodeSelector": selector, "schedulingGates": [] });
        cluster.patch_pod(pod, json!({ "spec": spec })).await;
    }
    for pod in ready {
        cluster.open(std::slice::from_ref(&pods[*pod])).await;
        cluster.run_for(2).await;
    }
    let n_ready = i64::try_from(ready.len()).unwrap();
    cluster.counts("availableReplicas", n_ready).await;
    pods
}

async fn left_after_scaling_in(
    cluster: &mut Cluster<'_>,
    pods: &[String],
    replicas: usize,
) -> Vec<usize> {
    cluster.scale(i32::try_from(replicas).unwrap()).await;
    let left = cluster.n_pods(replicas).await;
    let places = pods
        .iter()
        .enumerate()
        .filter(|(_, pod)| left.contains(pod));
    places.map(|(place, _)| place).collect()
}

// CS-S5, IP-S37, IP-94, IP-98
#[test]
fn the_pod_with_the_lowest_deletion_cost_goes_first() {
    play(async |cluster| {
        // By readiness alone the last two would go first.
        let pods = placed(cluster, &["node1", "node2", "node3"], &[2, 1, 0]).await;
        for (pod, cost) in [(0, "10"), (2, "-5")] {
            let annotations = json!({ "controller.kubernetes.io/pod-deletion-cost": cost });
            let patch = json!({ "metadata": { "annotations": annotations } });
            cluster.patch_pod(&pods[pod], patch).await;
        }
        assert_eq!(left_after_scaling_in(cluster, &pods, 2).await, [0, 1]);
        // None is 0.
        assert_eq!(left_after_scaling_in(cluster, &pods, 1).await, [0]);
    });
}

// CS-S6, IP-S38, IP-99
#[test]
fn a_node_with_several_pods_gives_one_first() {
    play(async |cluster| {
        let pods = placed(
            cluster,
            &["node1", "node1", "node1", "node2"],
            &[0, 2, 1, 3],
        )
        .await;
        assert_eq!(left_after_scaling_in(cluster, &pods, 3).await, [0, 2, 3]);
        assert_eq!(left_after_scaling_in(cluster, &pods, 2).await, [0, 3]);
        // One pod a node: the last that got ready.
        assert_eq!(left_after_scaling_in(cluster, &pods, 1).await, [0]);
    });
}

/// Updates pods with these labels one by one, and returns their places in the order in which they were updated.
async fn update_order(cluster: &mut Cluster<'_>, strategy: Value, labels: &[Value]) -> Vec<usize> {
    let mut terms = in_place(json!(1));
    terms["priorityStrategy"] = strategy;
    cluster
        .create(spec(i32::try_from(labels.len()).unwrap(), terms))
        .await;
    cluster.rolled_out().await;
    let pods = cluster.names();
    for (pod, labels) in pods.iter().zip(labels) {
        cluster
            .patch_pod(pod, json!({ "metadata": { "labels": labels } }))
            .await;
    }
    let since = cluster.now();
    cluster.relabel_template("b").await;
    cluster.rolled_out().await;
    let mut order: Vec<usize> = Vec::new();
    for change in cluster.changes(since, PODS) {
        let pod = change.after.expect("no pod goes");
        let place = pods.iter().position(|known| *known == name(&pod)).unwrap();
        if label(&pod, "tier") == "b" && !order.contains(&place) {
            order.push(place);
        }
    }
    order
}

// CS-S33, IP-80
#[test]
fn weights_add_up_to_the_update_order() {
    play(async |cluster| {
        let weight =
            |weight: i32, selector: Value| json!({ "weight": weight, "matchSelector": selector });
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
        let mut order = update_order(cluster, strategy, &labels).await;
        // These two weigh the same.
        order[1..3].sort_unstable();
        assert_eq!(order, [3, 2, 4, 0, 1]);
    });
}

// CS-S33, CS-84, IP-81, IP-S16
#[test]
fn numbers_in_labels_give_the_update_order() {
    play(async |cluster| {
        let strategy = json!({ "orderPriority": [{ "orderedKey": "k1" }, { "orderedKey": "k2" }] });
        let labels = [
            json!({ "k1": "s-2" }),
            json!({ "k2": "9" }),
            json!({}),
            json!({ "k1": "s-10" }),
        ];
        assert_eq!(update_order(cluster, strategy, &labels).await, [2, 3, 0, 1]);
    });
}

//! How far a roll-out goes: partitions, percentages, and pods that are not available.

use std::collections::BTreeSet;

use e2e::{
    Namespace,
    namespace::{image, in_place},
    pods::{gated, labelled, small},
    undisturbed,
};
use serde_json::{Value, json};

// CS-S11, CS-43, CS-P11
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_in_percent_leaves_one_pod_to_update_below_all() {
    let _guard = undisturbed().await;
    let test = Namespace::create("percent").await;
    let sets = [
        ("nearly-all", 3, "99%", 1),
        ("hardly-any", 3, "1%", 2),
        ("only-one", 1, "50%", 0),
        ("all", 2, "100%", 0),
    ];
    for (name, replicas, partition, _) in sets {
        let mut terms = in_place(json!("100%"));
        terms["partition"] = json!(partition);
        let mut spec = small(replicas, terms);
        spec["selector"]["matchLabels"]["app"] = json!(name);
        spec["template"]["metadata"]["labels"]["app"] = json!(name);
        test.create_clone_set(name, spec).await.unwrap();
    }
    for (name, replicas, _, _) in sets {
        test.status_becomes(name, "availableReplicas", i64::from(replicas))
            .await;
        test.relabel_template(name, "b").await;
    }
    for (name, _, _, updated) in sets {
        test.status_becomes(name, "updatedAvailableReplicas", updated)
            .await;
    }
    for (name, _, _, updated) in sets {
        test.decided(name).await;
        let status = test.clone_set(name).await["status"].clone();
        assert_eq!(status["updatedReplicas"], updated, "{name}");
        // It is left out when it is 0.
        let expected = status["expectedUpdatedReplicas"].as_i64().unwrap_or(0);
        assert_eq!(expected, updated, "{name}");
        assert_ne!(
            status["currentRevision"], status["updateRevision"],
            "{name}"
        );
    }
}

// CS-S22, CS-86, CS-P12
#[tokio::test(flavor = "multi_thread")]
async fn updated_pods_that_are_unavailable_stop_the_roll_out() {
    let _guard = undisturbed().await;
    let test = Namespace::create("stuck").await;
    let mut terms = in_place(json!("100%"));
    terms["partition"] = json!(2);
    test.create_clone_set("web", gated(5, terms)).await.unwrap();
    let pods = test.n_pods(5).await;
    test.open(&pods).await;
    test.status_becomes("web", "availableReplicas", 5).await;
    test.relabel_template("web", "b").await;
    test.status_becomes("web", "updatedAvailableReplicas", 3)
        .await;
    let new = labelled(&test.active_pods().await, "tier", "b");
    let new: Vec<String> = new.into_iter().collect();
    test.close(&new).await;
    test.status_becomes("web", "availableReplicas", 2).await;

    let terms = json!({ "partition": 0, "maxUnavailable": 2 });
    test.patch_rolling_update("web", terms).await;
    test.decided("web").await;
    let status = test.clone_set("web").await["status"].clone();
    assert_eq!(status["expectedUpdatedReplicas"], 5, "two are to be moved");
    assert_eq!(status["updatedReplicas"], 3, "and neither is");

    // Nor is one that is not available itself (CS-P12).
    let old: Vec<String> = pods.into_iter().filter(|pod| !new.contains(pod)).collect();
    test.close(&old).await;
    test.status_becomes("web", "availableReplicas", 0).await;
    test.decided("web").await;
    assert_eq!(test.status("web", "updatedReplicas").await, 3);

    // Two may be unavailable: with one of them left, there is room for one.
    test.open(&old).await;
    test.open(&new[..2]).await;
    test.status_becomes("web", "updatedReplicas", 5).await;
}

// CS-S23, CS-86, IP-79
#[tokio::test(flavor = "multi_thread")]
async fn unavailable_pods_are_updated_first_and_ready_ones_not_at_all() {
    let _guard = undisturbed().await;
    let test = Namespace::create("unreadyfirst").await;
    test.create_clone_set("web", gated(5, in_place(json!(2))))
        .await
        .unwrap();
    let pods = test.n_pods(5).await;
    let ready = [pods[0].clone(), pods[2].clone(), pods[3].clone()];
    test.open(&ready).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    test.relabel_template("web", "b").await;
    test.status_becomes("web", "updatedReplicas", 2).await;
    test.decided("web").await;
    let updated = labelled(&test.active_pods().await, "tier", "b");
    let unready: BTreeSet<String> = pods
        .into_iter()
        .filter(|pod| !ready.contains(pod))
        .collect();
    assert_eq!(updated, unready);
}

async fn broken_pods(test: &Namespace) -> usize {
    let facts = test.facts().await;
    let broken = facts.values().filter(|pod| pod.images["app"] == image(404));
    broken.count()
}

async fn ten_pods(test: &Namespace, terms: Value) {
    let mut all = in_place(json!("33.5%"));
    all.as_object_mut()
        .unwrap()
        .extend(terms.as_object().unwrap().clone());
    test.create_clone_set("web", small(10, all)).await.unwrap();
    test.status_becomes("web", "availableReplicas", 10).await;
    // It can't be pulled, so that what is updated stays unavailable.
    test.set_app_image("web", &image(404)).await;
}

// CS-S24, CS-43, DV-CS5
#[tokio::test(flavor = "multi_thread")]
async fn a_fractional_percentage_is_rounded_up() {
    let _guard = undisturbed().await;
    let test = Namespace::create("fraction").await;
    ten_pods(&test, json!({ "partition": "33.4%" })).await;
    test.status_becomes("web", "updatedReplicas", 4).await;
    test.decided("web").await;
    assert_eq!(broken_pods(&test).await, 4, "3.35 rounded up");
    assert_eq!(
        test.status("web", "expectedUpdatedReplicas").await,
        6,
        "all but 3.34 rounded up"
    );
}

// CS-S24, CS-43, CS-P17
#[tokio::test(flavor = "multi_thread")]
async fn a_fractional_percentage_is_rounded_down_with_surge() {
    let _guard = undisturbed().await;
    let test = Namespace::create("fractionsurge").await;
    ten_pods(&test, json!({ "maxSurge": 1 })).await;
    test.status_becomes("web", "updatedReplicas", 4).await;
    test.decided("web").await;
    test.n_pods(11).await;
    assert_eq!(broken_pods(&test).await, 4, "3 and the surge");
}

// CS-S25, CS-93: without the gate.
#[tokio::test(flavor = "multi_thread")]
async fn a_raised_partition_moves_no_pod_back() {
    let _guard = undisturbed().await;
    let test = Namespace::create("raised").await;
    let mut terms = in_place(json!(1));
    terms["partition"] = json!(1);
    test.create_clone_set("web", small(3, terms)).await.unwrap();
    test.status_becomes("web", "availableReplicas", 3).await;
    test.relabel_template("web", "b").await;
    test.status_becomes("web", "updatedAvailableReplicas", 2)
        .await;
    test.status_becomes("web", "availableReplicas", 3).await;
    let updated = labelled(&test.active_pods().await, "tier", "b");
    test.patch_rolling_update("web", json!({ "partition": 3 }))
        .await;
    test.decided("web").await;
    assert_eq!(labelled(&test.active_pods().await, "tier", "b"), updated);
}

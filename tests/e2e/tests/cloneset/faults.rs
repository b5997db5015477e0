//! Parts of the cluster fail in the middle of a roll-out. Each test runs alone.

use std::{collections::BTreeSet, time::Duration};

use e2e::{
    Cluster, Namespace, controller, disturbing, eventually,
    namespace::{PATIENCE, image, in_place, name_of, spec, uids},
};
use serde_json::{Value, json};

/// Each pod went through exactly one update in place, and none was made or lost.
async fn updated_exactly_once(test: &Namespace, before: &BTreeSet<String>, updates: i32) {
    let facts = test.facts().await;
    assert_eq!(&uids(&facts), before, "no pod was made or lost");
    for (name, is) in &facts {
        assert_eq!(
            (is.restarts["app"], is.restarts["sidecar"]),
            (updates, 0),
            "{name}"
        );
        assert_eq!(is.images["app"], image(2), "{name}");
    }
    for pod in test.active_pods().await {
        let state =
            &pod.metadata.annotations.clone().unwrap()["apps.kruise.io/inplace-update-state"];
        let state: Value = serde_json::from_str(state).unwrap();
        assert_eq!(
            state["containerBatchesRecord"].as_array().map(Vec::len),
            Some(1),
            "{}: {state}",
            name_of(&pod)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_killed_in_a_roll_out_is_succeeded() {
    let _guard = disturbing().await;
    if !Cluster::get()
        .await
        .is_local("the_leader_killed_in_a_roll_out")
    {
        return;
    }
    let test = Namespace::create("leader").await;
    test.create_clone_set("web", spec(6, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.facts().await);

    test.set_app_image("web", &image(2)).await;
    test.status_becomes("web", "updatedReplicas", 2).await;
    let killed = controller::kill_leader(&test.client).await.unwrap();
    // Usually the warm standby. A container that restarts at once sees the lease a moment after the last
    // renewal, though, and the standby looks only every two seconds: either may see it expire first.
    eventually("another leader", PATIENCE, || async {
        let (_, holder) = controller::leader(&test.client).await;
        if holder == killed {
            Err(holder)
        } else {
            Ok(())
        }
    })
    .await;
    test.rolled_out("web").await;
    updated_exactly_once(&test, &before, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_restarted_in_a_roll_out_delays_it_only() {
    let _guard = disturbing().await;
    let cluster = Cluster::get().await;
    if !cluster.is_local("the_api_server_restarted_in_a_roll_out") {
        return;
    }
    let test = Namespace::create("apiserver").await;
    test.create_clone_set("web", spec(6, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.facts().await);

    test.set_app_image("web", &image(2)).await;
    test.status_becomes("web", "updatedReplicas", 2).await;
    cluster.control(&["restart", "apiserver", "--wait", "3"]);
    test.rolled_out("web").await;
    updated_exactly_once(&test, &before, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_node_that_is_cut_off_are_replaced_elsewhere() {
    let _guard = disturbing().await;
    let cluster = Cluster::get().await;
    if !cluster.is_local("pods_of_a_node_that_is_cut_off") {
        return;
    }
    let test = Namespace::create("cut").await;
    let mut spec = spec(6, in_place(json!(2)));
    let tolerate = |key: &str| {
        json!({
            "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 2,
        })
    };
    spec["template"]["spec"]["tolerations"] = json!([
        tolerate("node.kubernetes.io/not-ready"),
        tolerate("node.kubernetes.io/unreachable"),
    ]);
    spec["template"]["spec"]["topologySpreadConstraints"] = json!([{
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": { "app": "web" } },
    }]);
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let cut = "node3";
    let on_cut: BTreeSet<String> = before
        .iter()
        .filter(|(_, facts)| facts.node == cut)
        .map(|(name, _)| name.clone())
        .collect();
    assert!(!on_cut.is_empty(), "some pods are on {cut}: {before:?}");

    cluster.control(&["cut", cut]);
    let healed = Healed { cluster, node: cut };
    eventually(
        "six available pods on the other nodes",
        PATIENCE,
        || async {
            let set = test.clone_set("web").await;
            let facts = test.facts().await;
            let elsewhere = facts.values().filter(|facts| facts.node != cut).count();
            if elsewhere == 6 && set["status"]["availableReplicas"] == json!(6) {
                Ok(())
            } else {
                Err((elsewhere, set["status"].clone()))
            }
        },
    )
    .await;
    let replaced = test.facts().await;
    assert_eq!(replaced.len(), 6, "nothing is doubled: {replaced:?}");
    for (name, was) in before.iter().filter(|(name, _)| !on_cut.contains(*name)) {
        assert_eq!(
            replaced.get(name),
            Some(was),
            "pods of healthy nodes are left alone"
        );
    }

    drop(healed);
    eventually(
        "the old pods are gone and the node is back",
        PATIENCE,
        || async {
            let all = test.all_pods().await;
            if all.len() == 6 {
                Ok(())
            } else {
                Err(all.len())
            }
        },
    )
    .await;
    assert_eq!(test.facts().await, replaced, "healing changes nothing");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(test.facts().await, replaced, "and nothing comes late");
}

/// Puts the node back, also when the test fails.
struct Healed {
    cluster: &'static Cluster,
    node: &'static str,
}

impl Drop for Healed {
    fn drop(&mut self) {
        self.cluster.control(&["heal", self.node]);
    }
}

//! A node that is cut off the network.

use e2e::{
    Cluster, PATIENCE, Part, Test,
    cloneset::{in_place, spec},
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, NODES},
};
use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

const CUT: &str = NODES[2];

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_node_that_is_cut_off_are_replaced_elsewhere() {
    let plan = Test::of(CLONESET_CONTROLLER).disturbs(Part::Node(CUT));
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let sets = test.workload(CLONESETS);
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
    sets.create("web", spec).await.unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;
    let on_cut: BTreeSet<String> = before
        .iter()
        .filter(|(_, facts)| facts.node == CUT)
        .map(|(name, _)| name.clone())
        .collect();
    assert!(!on_cut.is_empty(), "some pods are on {CUT}: {before:?}");

    let cluster = test.cluster;
    cluster.control(&["cut", CUT]);
    let healed = Healed { cluster, node: CUT };
    eventually(
        "six available pods on the other nodes",
        PATIENCE,
        || async {
            let set = sets.get("web").await;
            let facts = test.pods().facts().await;
            let elsewhere = facts.values().filter(|facts| facts.node != CUT).count();
            if elsewhere == 6 && set["status"]["availableReplicas"] == json!(6) {
                Ok(())
            } else {
                Err((elsewhere, set["status"].clone()))
            }
        },
    )
    .await;
    let replaced = test.pods().facts().await;
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
            let all = test.pods().all().await;
            if all.len() == 6 {
                Ok(())
            } else {
                Err(all.len())
            }
        },
    )
    .await;
    assert_eq!(
        test.pods().facts().await,
        replaced,
        "healing changes nothing"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        test.pods().facts().await,
        replaced,
        "and nothing comes late"
    );
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

//! Nodes that are drained with `kubectl drain`.

use std::time::{Duration, Instant};

use e2e::{
    Cluster, PATIENCE, Part, Test,
    cluster::Cordoned,
    names::{NODES, PUB_WEBHOOK},
    templates::template,
    witness::Account,
};
use serde_json::json;

use super::{TEXT, all_serve, serves, shop_of};

/// All nodes at once, of which each may be used again when it is drained, as in an upgrade: one pod goes at a time, and
/// whoever has to wait is told for whom.
#[tokio::test(flavor = "multi_thread")]
async fn three_drains_at_once_keep_to_a_budget_of_one() {
    let nodes = NODES.into_iter().map(Part::Node);
    let plan = nodes.fold(Test::of(PUB_WEBHOOK), e2e::Plan::disturbs);
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let mut template = template();
    // The label of no other test's pods.
    template["metadata"]["labels"]["drained"] = json!(test.name);
    template["spec"]["affinity"] = json!({ "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": { "matchLabels": { "app": "web" } },
        }],
    } });
    let budgets = shop_of(&test, 3, json!(1), template).await;
    let before = test.pods().facts().await;
    let account = Account::start(test.pods().api(), serves).await;

    // First, or a pod would go where it has to go again.
    let cordoned = NODES.map(|node| (node, test.cluster.cordon(node)));
    let drains = cordoned.map(|(node, cordoned)| {
        let selector = format!("--pod-selector=drained={}", test.name);
        tokio::spawn(drain(test.cluster, node, cordoned, selector))
    });
    let mut refusals = vec![];
    for drain in drains {
        refusals.extend(drain.await.unwrap());
    }

    all_serve(&test, &budgets, 3).await;
    let after = test.pods().facts().await;
    assert!(
        after.keys().all(|pod| !before.contains_key(pod)),
        "{after:?}"
    );
    let fewest = account.take_fewest();
    assert!(fewest >= 2, "{fewest} served");
    let whose = format!(
        "PodUnavailableBudget {}/shop: 2 of 3 pods must stay available",
        test.name
    );
    assert!(!refusals.is_empty());
    for refusal in refusals {
        assert!(refusal.contains(TEXT), "{refusal}");
        assert!(refusal.contains(&whose), "{refusal}");
    }
}

/// Drains a node, again whenever it is refused, and lets pods come again. What was said at refusals.
async fn drain(
    cluster: &'static Cluster,
    node: &'static str,
    cordoned: Cordoned,
    selector: String,
) -> Vec<String> {
    let begun = Instant::now();
    let mut refusals = vec![];
    loop {
        let (ok, said) = cluster.kubectl(&["drain", node, &selector]);
        if ok {
            drop(cordoned);
            return refusals;
        }
        assert!(begun.elapsed() < PATIENCE, "{node} is not drained: {said}");
        refusals.push(said);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

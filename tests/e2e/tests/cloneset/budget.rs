//! PodUnavailableBudgets on a real cluster. Nothing deployed here owns them yet: the test brings a small CRD of its
//! own, and plays their controller and the pod webhook by hand.

use std::{collections::BTreeSet, time::Duration};

use e2e::{
    Cluster, Namespace, disturbing, eventually,
    local::StoodDown,
    namespace::{PATIENCE, image, in_place, spec},
    proxy::{Proxy, Rules},
    stand_in::StandIn,
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const GROUP: &str = "policy.kruise.io";
const PLURAL: &str = "podunavailablebudgets";
const KIND: &str = "PodUnavailableBudget";

/// Budgets of the test's namespace, and their CRD, which goes with the namespace.
struct Budgets(Api<DynamicObject>);

impl Budgets {
    async fn install(test: &Namespace) -> Self {
        let kind = StandIn::install(test, GROUP, PLURAL, KIND).await;
        Self(kind.api(test))
    }

    async fn create(&self, name: &str, status: Value) {
        let budget = serde_json::from_value(json!({
            "apiVersion": format!("{GROUP}/v1beta1"),
            "kind": KIND,
            "metadata": { "name": name },
            "spec": { "selector": { "matchLabels": { "app": "web" } }, "maxUnavailable": 1 },
        }));
        let created = self
            .0
            .create(&PostParams::default(), &budget.unwrap())
            .await;
        created.expect("create a budget");
        self.set_status(name, status).await;
    }

    async fn set_status(&self, name: &str, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.0
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .expect("patch the status");
    }

    /// What is left, and the pods that have paid.
    async fn left(&self, name: &str) -> (i64, BTreeSet<String>) {
        let budget = self.0.get(name).await.expect("get the budget").data;
        let status = &budget["status"];
        let paid = status["unavailablePods"].as_object();
        let paid = paid.into_iter().flat_map(|entries| entries.keys().cloned());
        (
            status["unavailableAllowed"].as_i64().unwrap(),
            paid.collect(),
        )
    }
}

/// Pods that have the new image, and restarted for it once and no more.
async fn updated(test: &Namespace) -> BTreeSet<String> {
    let facts = test.facts().await;
    let updated = facts
        .iter()
        .filter(|(_, pod)| pod.images["app"] == image(2));
    for (name, pod) in &facts {
        assert!(pod.restarts["app"] <= 1, "{name} is updated once");
    }
    updated.map(|(name, _)| name.clone()).collect()
}

// CS-87, CS-26; PB-62, PF-921, PB-S41
#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_goes_as_far_as_its_budget_pays() {
    let _guard = disturbing().await;
    let cluster = Cluster::get().await;
    if !cluster.is_local("a_roll_out_goes_as_far_as_its_budget_pays") {
        return;
    }
    let test = Namespace::create("budget").await;
    let budgets = Budgets::install(&test).await;
    let mut set = spec(4, in_place(json!("100%")));
    // What the pod webhook would write.
    set["template"]["metadata"]["annotations"] = json!({ "pub.kruise.io/related-pub": "shop" });
    test.create_clone_set("web", set).await.unwrap();
    test.rolled_out("web").await;
    budgets
        .create(
            "shop",
            json!({
                "totalReplicas": 4, "desiredAvailable": 3, "currentAvailable": 4,
                "unavailableAllowed": 1,
            }),
        )
        .await;

    // With the gate on, and a watch of budgets that is late: a second share can't be spent meanwhile.
    let deployed = StoodDown::new(cluster.client().await).await;
    let proxy = Proxy::start(cluster.config().await, 1).await;
    proxy.set(|now| {
        *now = Rules {
            delay: [(PLURAL, Duration::from_secs(3))].into(),
            ..Rules::default()
        };
    });
    let only = format!("--namespace={}", test.name);
    let directory = tempfile::TempDir::new().unwrap();
    let log = format!("--protection-log-path={}", directory.path().display());
    let flags = [
        &only,
        &log,
        "--feature-gates=PodUnavailableBudgetUpdateGate=true",
    ];
    let mut controller = deployed.start_locally(&proxy.url, &flags).await;

    test.set_app_image("web", &image(2)).await;
    let message = test.waits_for("web", "BudgetRefused").await;
    assert!(message.contains("PodUnavailableBudget shop"), "{message}");
    assert!(message.contains("status.unavailableAllowed"), "{message}");
    let first = updated(&test).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(budgets.left("shop").await, (0, first.clone()));
    // PB-61
    let refusals = std::fs::read_to_string(directory.path().join("protection.log")).unwrap();
    let refusal: Value = serde_json::from_str(refusals.lines().next().unwrap()).unwrap();
    assert_eq!(
        refusal,
        json!({
            "Event": "PodUnavailableBudget", "Kind": "CloneSet", "Namespace": test.name,
            "Name": "web", "UserAgent": "kruise-manager",
        })
    );

    budgets
        .set_status("shop", json!({ "unavailableAllowed": 2 }))
        .await;
    eventually("two more pods are updated", PATIENCE, || async {
        let updated = updated(&test).await;
        if updated.len() == 3 {
            Ok(())
        } else {
            Err(updated)
        }
    })
    .await;
    test.decided("web").await;
    test.waits_for("web", "BudgetRefused").await;
    let three = updated(&test).await;
    assert!(three.len() == 3 && three.is_superset(&first), "{three:?}");
    assert_eq!(budgets.left("shop").await, (0, three));

    let deleted = budgets.0.delete("shop", &DeleteParams::default()).await;
    deleted.expect("delete the budget");
    test.rolled_out("web").await;
    assert_eq!(updated(&test).await.len(), 4);
    controller.still_runs();
}

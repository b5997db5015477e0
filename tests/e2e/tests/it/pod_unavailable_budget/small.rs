//! Budgets of few pods, of none, and of pods that nobody counts.

use std::time::Duration;

use e2e::{
    Namespace, Test, hold_for,
    hollow::{Hollow, SCHEDULER, hollow_template},
    names::{DEPLOYMENTS, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK},
    pods::{label, name_of},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{bare, evict, serves};

/// Why an eviction is refused by the budget of this name.
fn text(budget: &str) -> String {
    format!(
        "podunavailablebudget.policy.kruise.io \"{budget}\" is forbidden: pub unavailable allowed is negative"
    )
}

async fn is_refused(namespace: &Namespace, pod: &str, budget: &str) {
    let refused = evict(namespace, pod).await.unwrap_err();
    assert!(refused.contains(&text(budget)), "{pod}: {refused}");
}

async fn pods_of(namespace: &Namespace, app: &str) -> Vec<String> {
    let all = namespace.pods().active().await;
    let ours = all.iter().filter(|pod| label(pod, "app") == app);
    ours.map(name_of).collect()
}

/// A Deployment and a budget of this name, with these terms.
async fn deployment(namespace: &Namespace, name: &str, replicas: i32, terms: Value) {
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name });
    let mut spec = json!({ "targetRef": target });
    json_patch::merge(&mut spec, &terms);
    let budgets = namespace.workload(POD_UNAVAILABLE_BUDGETS);
    budgets.create(name, spec).await.unwrap();
    let mut template = hollow_template();
    template["metadata"]["labels"] = json!({ "app": name });
    let selector = json!({ "matchLabels": { "app": name } });
    let spec = json!({ "replicas": replicas, "selector": selector, "template": template });
    let deployments = namespace.workload(DEPLOYMENTS);
    deployments.create(name, spec).await.unwrap();
}

/// PB-22, PB-26, PB-27, PB-38: what a budget comes to, and whether a pod may go.
#[tokio::test(flavor = "multi_thread")]
async fn budgets_of_few_pods_are_rounded_as_specified() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let _hollow = Hollow::start(&test).await;
    let budgets = test.workload(POD_UNAVAILABLE_BUDGETS);
    // Replicas, terms, how many have to stay, and whether one may go.
    let all = [
        ("none", 2, json!({ "maxUnavailable": 0 }), 2, false),
        (
            "none-in-percent",
            2,
            json!({ "maxUnavailable": "0%" }),
            2,
            false,
        ),
        ("up-to-all", 1, json!({ "maxUnavailable": "30%" }), 0, true),
        ("up-to-two", 3, json!({ "maxUnavailable": "34%" }), 1, true),
        (
            "at-least-one",
            1,
            json!({ "minAvailable": "30%" }),
            1,
            false,
        ),
        (
            "at-least-half",
            2,
            json!({ "minAvailable": "50%" }),
            1,
            true,
        ),
        (
            "more-than-there-are",
            2,
            json!({ "minAvailable": 3 }),
            3,
            false,
        ),
        ("of-none", 0, json!({ "minAvailable": 2 }), 2, false),
    ];
    for (name, replicas, terms, ..) in &all {
        deployment(&test, name, *replicas, terms.clone()).await;
    }
    for (name, replicas, _, desired, may_go) in all {
        for (field, value) in [
            ("currentAvailable", replicas),
            ("totalReplicas", replicas),
            ("desiredAvailable", desired),
        ] {
            budgets.status_becomes(name, field, i64::from(value)).await;
        }
        let Some(pod) = pods_of(&test, name).await.pop() else {
            continue;
        };
        if may_go {
            evict(&test, &pod).await.unwrap();
        } else {
            is_refused(&test, &pod, name).await;
        }
    }

    // Scaling in is no disruption, whatever the budget.
    test.workload(DEPLOYMENTS).scale("none", 0).await;
    let is_none = |pods: &[Pod]| pods.iter().all(|pod| label(pod, "app") != "none");
    test.pods().when("the pods go", is_none).await;
    budgets.status_becomes("none", "totalReplicas", 0).await;
    budgets.status_becomes("none", "desiredAvailable", 0).await;
}

/// A pod that serves, with this owner.
async fn serving(namespace: &Namespace, app: &str, name: &str, owners: Value) {
    let change = json!({
        "metadata": { "labels": { "app": app }, "ownerReferences": owners },
        "spec": { "schedulerName": SCHEDULER },
    });
    bare(namespace, name, change).await;
}

/// PB-24, PB-S15: nobody says how many there should be, unless the budget does. Of a kind that the API server doesn't know,
/// nothing can be said at all.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_nobody_counts_are_protected_by_a_total() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let _hollow = Hollow::start(&test).await;
    let budgets = test.workload(POD_UNAVAILABLE_BUDGETS);
    let unknown = json!([{
        "apiVersion": "nowhere.e2e.kruise.io/v1", "kind": "Nothing", "name": "n",
        "uid": "11111111-2222-3333-4444-555555555555", "controller": true,
    }]);
    for (app, owners) in [("nobodys", json!([])), ("unknown", unknown)] {
        for pod in ["a", "b", "c"] {
            serving(&test, app, &format!("{app}-{pod}"), owners.clone()).await;
        }
        let selector = json!({ "matchLabels": { "app": app } });
        let spec = json!({ "selector": selector, "maxUnavailable": 0 });
        budgets.create(app, spec).await.unwrap();
    }
    test.pods()
        .when("six pods serve", |pods| {
            pods.iter().filter(|pod| serves(pod)).count() == 6
        })
        .await;
    budgets
        .status_becomes("nobodys", "currentAvailable", 3)
        .await;
    hold_for(
        "nothing is said of the unknown",
        Duration::from_secs(2),
        || async {
            let status = budgets.get("unknown").await["status"].clone();
            if status.is_null() {
                Ok(())
            } else {
                Err(status)
            }
        },
    )
    .await;
    for app in ["nobodys", "unknown"] {
        evict(&test, &format!("{app}-a")).await.unwrap();
        let total = json!({ "spec": { "protectTotalReplicas": 2 } });
        budgets.patch(app, total).await;
        budgets.status_becomes(app, "totalReplicas", 2).await;
        budgets.status_becomes(app, "currentAvailable", 2).await;
        is_refused(&test, &format!("{app}-b"), app).await;
    }
}

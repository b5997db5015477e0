//! New pods are linked to their budgets.

use std::time::Duration;

use kruise_api::{policy::v1beta1::PODUNAVAILABLEBUDGETS, resource::PODS};
use serde_json::{Value, json};

use crate::{
    cluster::{Users, annotation, begin, budget, deployment, of_deployment, pod_of, put, story},
    objects::BUDGET,
};

fn new_pod(app: &str, name: &str, uid: &str) -> Value {
    let mut pod = pod_of(app, name, uid);
    pod["status"] = Value::Null;
    pod
}

/// PB-S32, PB-15
#[test]
fn a_pod_of_a_targeted_deployment_is_linked() {
    story(1, async |world| {
        begin(world, &[]).await;
        let uid = deployment(world, BUDGET, 1);
        let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 1 });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        world.run_for(Duration::from_secs(5)).await;
        let users = Users::of(world);
        let mut pod = new_pod(BUDGET, "p1", &uid);
        // A copied manifest.
        pod["metadata"]["annotations"] =
            json!({ "pub.kruise.io/related-pub": "gone", "mine": "stays" });
        let created = users.create(PODS, pod).await.unwrap();
        assert_eq!(
            created["metadata"]["annotations"],
            json!({
                "pub.kruise.io/related-pub": BUDGET, "kruise.io/related-pub": BUDGET, "mine": "stays",
            })
        );
        users
            .create(PODS, new_pod("other", "p2", "nobody"))
            .await
            .unwrap();
        assert_eq!(
            annotation(&world.server, "p2", "pub.kruise.io/related-pub"),
            None
        );
    });
}

/// PB-17: the first by name wins; of one with a selector the labels decide.
#[test]
fn the_first_budget_by_name_wins() {
    story(2, async |world| {
        begin(world, &[]).await;
        let uid = deployment(world, BUDGET, 1);
        let selector = json!({ "matchLabels": { "group": "all" } });
        for (name, spec) in [
            (
                "c",
                json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 1 }),
            ),
            ("b", json!({ "selector": selector, "maxUnavailable": 1 })),
            (
                "a",
                json!({ "targetRef": of_deployment("other"), "maxUnavailable": 1 }),
            ),
        ] {
            put(world, PODUNAVAILABLEBUDGETS, budget(name, spec));
        }
        world.run_for(Duration::from_secs(5)).await;
        let users = Users::of(world);
        users
            .create(PODS, new_pod(BUDGET, "p1", &uid))
            .await
            .unwrap();
        let link = annotation(&world.server, "p1", "kruise.io/related-pub");
        assert_eq!(link.as_deref(), Some("b"));
    });
}

/// PB-15, PB-32: without gates nothing is linked, and no budget is taken.
#[test]
fn without_gates_nothing_is_linked() {
    story(3, async |world| {
        begin(
            world,
            &["--feature-gates=PodUnavailableBudgetDeleteGate=false"],
        )
        .await;
        let selector = json!({ "matchLabels": { "group": "all" } });
        put(
            world,
            PODUNAVAILABLEBUDGETS,
            budget(BUDGET, json!({ "selector": selector, "maxUnavailable": 1 })),
        );
        world.run_for(Duration::from_secs(5)).await;
        let users = Users::of(world);
        users
            .create(PODS, new_pod(BUDGET, "p1", "nobody"))
            .await
            .unwrap();
        assert_eq!(
            annotation(&world.server, "p1", "kruise.io/related-pub"),
            None
        );
        let refused = users
            .create(
                PODUNAVAILABLEBUDGETS,
                budget(
                    "b",
                    json!({
                        "selector": selector, "maxUnavailable": 1,
                    }),
                ),
            )
            .await
            .unwrap_err();
        assert!(
            refused.contains("feature PodUnavailableBudget is invalid"),
            "{refused}"
        );
        let status = world
            .server
            .get(PODUNAVAILABLEBUDGETS, &crate::cluster::key(BUDGET))
            .unwrap();
        assert_eq!(status["status"], Value::Null, "nobody reconciles (PB-13)");
    });
}

//! What is too dear for CI. `cargo xtask test --full sidecarset` runs it beside the rest.

use std::time::Duration;

use e2e::{Deployable, Test, names::SIDECARSET_CONTROLLER, sidecar_sets::containers};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{agent, create, injection::right_after, of_sidecarset, outage::narrowed, pod};

// A thousand of a thousand pods that are created right after their SidecarSet was acknowledged have its container.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pods_right_after_their_sidecar_sets() {
    let test = of_sidecarset().begin().await;
    for round in 0..1000 {
        right_after(&test, round).await;
    }
}

// Replicas are replaced one by one under 100 creations a second: none fails, and none lacks its container.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_loses_nothing() {
    let Some(test) = Test::that_disturbs(SIDECARSET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let _set = agent(&test, json!({})).await;
    narrowed(&test).await;
    let controller = Deployable::of(&test.client, SIDECARSET_CONTROLLER);
    let restart = json!({ "spec": { "template": { "metadata": { "annotations": {
        "e2e.kruise.io/restarted": test.name,
    } } } } });
    controller
        .deployments()
        .patch(
            SIDECARSET_CONTROLLER,
            &PatchParams::default(),
            &Patch::Merge(restart),
        )
        .await
        .unwrap();
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut pods = tokio::task::JoinSet::new();
    // A roll-out of two replicas takes some twenty seconds.
    for number in 0..4000 {
        ticks.tick().await;
        let api = test.pods().api().clone();
        let asked = pod(
            &format!("web-{number}"),
            json!({ "spec": { "schedulerName": "nobody" } }),
        );
        pods.spawn(async move { api.create(&kube::api::PostParams::default(), &asked).await });
    }
    let created = pods.join_all().await;
    controller.scale(2).await;
    let failures: Vec<_> = created.iter().filter_map(|it| it.as_ref().err()).collect();
    let first: Vec<String> = failures.iter().take(3).map(ToString::to_string).collect();
    assert_eq!(failures.len(), 0, "{first:?}");
    let lacking = created.iter().flatten();
    let lacking = lacking.filter(|pod| containers(pod) != ["agent", "app"]);
    assert_eq!(lacking.count(), 0);
    // Not the restart of before, but the one that was asked for.
    let replicas = controller.replicas().await.unwrap();
    let is_new = |pod: &k8s_openapi::api::core::v1::Pod| {
        let annotations = pod.metadata.annotations.as_ref();
        annotations.is_some_and(|all| all.get("e2e.kruise.io/restarted") == Some(&test.name))
    };
    assert!(replicas.iter().all(is_new));
}

// All replicas killed while pods are created: pods that no SidecarSet selects never notice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_replicas_hold_up_nobody_else() {
    let Some(test) = Test::that_disturbs(SIDECARSET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let _set = agent(&test, json!({})).await;
    narrowed(&test).await;
    let controller = Deployable::of(&test.client, SIDECARSET_CONTROLLER);
    let other = json!({
        "metadata": { "labels": { "app": "other" } }, "spec": { "schedulerName": "nobody" },
    });
    let mut slowest = Duration::ZERO;
    for number in 0..600 {
        if number == 100 {
            controller.kill_all().await.unwrap();
        }
        let begun = std::time::Instant::now();
        create(&test, &pod(&format!("other-{number}"), other.clone()))
            .await
            .unwrap();
        slowest = slowest.max(begun.elapsed());
    }
    eprintln!("the slowest of 600 creations took {slowest:?}");
    controller.scale(2).await;
}

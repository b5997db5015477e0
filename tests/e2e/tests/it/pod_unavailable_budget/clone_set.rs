//! CloneSets ask before they update.

use std::time::Duration;

use e2e::{
    Deployable, Namespace, PATIENCE, Part, Test,
    cloneset::{in_place, small},
    eventually, hold_for,
    names::{CLONESET_CONTROLLER, CLONESETS, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK},
    templates::image,
};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::TEXT;

/// The container's flags.
async fn flags(deployable: &Deployable, name: &str) -> Vec<String> {
    let deployment = deployable.deployments().get(name).await.unwrap();
    let container = &deployment.spec.unwrap().template.spec.unwrap().containers[0];
    container.args.clone().unwrap_or_default()
}

/// Gives the container these flags, and waits until both replicas have them.
async fn set_flags(deployable: &Deployable, name: &str, flags: &[String]) {
    let deployments = deployable.deployments();
    let deployment = deployments.get(name).await.unwrap();
    let container = &deployment.spec.unwrap().template.spec.unwrap().containers[0].name;
    let patch = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": container, "args": flags },
    ] } } } });
    let patched = deployments
        .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await;
    let generation = patched.unwrap().metadata.generation;
    eventually("both replicas have the flags", PATIENCE, || async {
        let status = deployments
            .get_status(name)
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let counts = [
            status.replicas,
            status.updated_replicas,
            status.ready_replicas,
        ];
        let is_done = status.observed_generation >= generation && counts == [Some(2); 3];
        if is_done { Ok(()) } else { Err(status) }
    })
    .await;
}

/// PB-S41, PB-62, PF-921: the CloneSet pays before it begins, and the webhook, asked by the API server, not again.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_set_pays_once() {
    let plan = Test::that_disturbs(PUB_WEBHOOK).disturbs(Part::Deployable(CLONESET_CONTROLLER));
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let names = [PUB_WEBHOOK, CLONESET_CONTROLLER];
    let all = names.map(|name| (name, Deployable::of(&test.client, name)));
    let before = futures::future::join_all(all.iter().map(|(name, it)| flags(it, name))).await;
    let gate = "--feature-gates=PodUnavailableBudgetUpdateGate=true".to_owned();
    let with_gate: Vec<_> = before
        .iter()
        .map(|flags| [flags.clone(), vec![gate.clone()]].concat())
        .collect();
    let set = async |all_flags: &[Vec<String>]| {
        let set = all.iter().zip(all_flags);
        let set = set.map(|((name, it), flags)| set_flags(it, name, flags));
        futures::future::join_all(set).await;
    };
    set(&with_gate).await;
    let told = tokio::spawn(pays_once()).await;
    set(&before).await;
    told.unwrap();
}

async fn pays_once() {
    let test = Namespace::create("pays-once").await;
    let (sets, budgets) = (
        test.workload(CLONESETS),
        test.workload(POD_UNAVAILABLE_BUDGETS),
    );
    let selector = json!({ "matchLabels": { "app": "web" } });
    budgets
        .create("shop", json!({ "selector": selector, "maxUnavailable": 2 }))
        .await
        .unwrap();
    sets.create("web", small(4, in_place(json!("100%"))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    budgets
        .status_becomes("shop", "unavailableAllowed", 2)
        .await;
    sets.set_app_image("web", &image(2)).await;
    let updated = async || {
        let facts = test.pods().facts().await;
        facts
            .values()
            .filter(|pod| pod.images["app"] == image(2))
            .count()
    };
    eventually("two are updated", PATIENCE, || async {
        let updated = updated().await;
        if updated == 2 { Ok(()) } else { Err(updated) }
    })
    .await;
    hold_for("no third is updated", Duration::from_secs(3), || async {
        let updated = updated().await;
        if updated == 2 { Ok(()) } else { Err(updated) }
    })
    .await;
    let status = budgets.get("shop").await["status"].clone();
    assert_eq!(
        status["unavailablePods"]
            .as_object()
            .map(serde_json::Map::len),
        Some(2),
        "{status}"
    );
    // Whoever changes a pod by hand pays, too.
    let facts = test.pods().facts().await;
    let (other, _) = facts
        .iter()
        .find(|(_, pod)| pod.images["app"] != image(2))
        .unwrap();
    let by_hand = json!({ "spec": { "containers": [{ "name": "app", "image": image(2) }] } });
    let patched = test
        .pods()
        .api()
        .patch(other, &PatchParams::default(), &Patch::Strategic(by_hand))
        .await;
    let refused = patched.unwrap_err().to_string();
    assert!(refused.contains(TEXT), "{refused}");
    budgets
        .patch("shop", json!({ "spec": { "maxUnavailable": 4 } }))
        .await;
    sets.rolled_out("web").await;
}

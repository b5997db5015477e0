//! What stands behind feature gates: calls that need rights of their own, and kubelets that resize. A controller that has
//! the gates on stands in for the deployed one, which has them off.

use std::time::Duration;

use e2e::{
    Namespace, PATIENCE, Part, Test,
    cloneset::{in_place, small},
    eventually, hold_for,
    names::{
        CLONESET_CONTROLLER, CLONESETS, IMAGE_PULL_JOBS, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK,
        STATE,
    },
    pods::{condition, labelled, uids},
    proxy::Proxy,
    stand_in::StandIn,
    templates::image,
    witness::Diary,
};
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};

use crate::cloneset::controller;

const GATES: &str = "--feature-gates=InPlaceWorkloadVerticalScaling=true,\
    PodUnavailableBudgetUpdateGate=true,PreDownloadImageForInPlaceUpdate=true";

// They share a controller, so that the deployed one stands down once.
#[tokio::test(flavor = "multi_thread")]
async fn gates_change_what_is_done() {
    let plan = Test::that_disturbs(CLONESET_CONTROLLER)
        .disturbs(Part::Kind("imagepulljobs.apps.kruise.io"))
        .needs(Part::Deployable(PUB_WEBHOOK));
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let deployed = controller(&test).stand_down().await;
    // Nothing deployed here owns this kind yet: no image is pulled.
    let jobs = StandIn::install(&test, IMAGE_PULL_JOBS).await;
    let proxy = Proxy::start(test.cluster.config().await, 1).await;
    let flags = ["--enable-leader-election=false", GATES];
    let mut controller = deployed.start_locally(&proxy.url, &flags).await;
    let scenarios = [
        tokio::spawn(resources_change_in_place()),
        tokio::spawn(resources_that_restart()),
        tokio::spawn(images_are_pulled_ahead(jobs)),
        tokio::spawn(a_budget_pays()),
    ];
    let ended = futures::future::join_all(scenarios).await;
    controller.still_runs();
    let failed = ended.into_iter().filter_map(Result::err).count();
    assert_eq!(failed, 0, "scenarios that failed; see above");
}

fn sized(resources: Value, restart: &str) -> Value {
    let mut spec = small(1, in_place(json!(1)));
    let container = &mut spec["template"]["spec"]["containers"][0];
    container["resources"] = resources;
    container["resizePolicy"] = json!([{ "resourceName": "cpu", "restartPolicy": restart }]);
    spec
}

async fn set_resources(test: &Namespace, resources: Value) {
    let sets = test.workload(CLONESETS);
    let set = sets.get("web").await;
    let mut containers = set["spec"]["template"]["spec"]["containers"].clone();
    containers[0]["resources"] = resources;
    let template = json!({ "spec": { "containers": containers } });
    sets.patch("web", json!({ "spec": { "template": template } }))
        .await;
}

fn burstable(cpu_limit: &str, memory_limit: &str) -> Value {
    json!({
        "requests": { "cpu": "1m", "memory": "4Mi" },
        "limits": { "cpu": cpu_limit, "memory": memory_limit },
    })
}

/// Whether the update in place ever took the pod out of service.
async fn service_diary(test: &Namespace) -> Diary {
    Diary::start(test.pods().api(), |pod| {
        let ready = condition(pod, "InPlaceUpdateReady").map(|ready| ready.status.clone());
        ready.unwrap_or_default()
    })
    .await
}

/// Resources in the container's status, which are the kubelet's word.
async fn limits(test: &Namespace, pod: &str) -> Value {
    let pod = test.pods().api().get(pod).await.unwrap();
    let status = pod.status.unwrap().container_statuses.unwrap().remove(0);
    json!(status.resources.unwrap().limits.unwrap())
}

// IP-S7, IP-16, IP-30, IP-48: gate InPlaceWorkloadVerticalScaling
async fn resources_change_in_place() {
    let test = Namespace::create("resize").await;
    let sets = test.workload(CLONESETS);
    let spec = sized(burstable("100m", "64Mi"), "NotRequired");
    sets.create("web", spec).await.unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;
    let pod = before.keys().next().unwrap().clone();
    let diary = service_diary(&test).await;
    set_resources(&test, burstable("200m", "64Mi")).await;
    sets.rolled_out("web").await;
    assert_eq!(test.pods().facts().await, before, "nothing restarts");
    diary.tells(&pod, &["True"]).await;
    assert_eq!(limits(&test, &pod).await["cpu"], "200m");
    let pods = test.pods().active().await;
    assert_eq!(labelled(&pods, STATE, "Normal").len(), 1);
}

// IP-S28, IP-16
async fn resources_that_restart() {
    let test = Namespace::create("resizerestart").await;
    let sets = test.workload(CLONESETS);
    let spec = sized(burstable("100m", "64Mi"), "RestartContainer");
    sets.create("web", spec).await.unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;
    let pod = before.keys().next().unwrap().clone();
    let diary = service_diary(&test).await;
    set_resources(&test, burstable("100m", "96Mi")).await;
    sets.rolled_out("web").await;
    diary.tells(&pod, &["True"]).await;
    assert_eq!(test.pods().facts().await, before);
    assert_eq!(limits(&test, &pod).await["memory"], "96Mi");

    set_resources(&test, burstable("200m", "96Mi")).await;
    sets.rolled_out("web").await;
    diary.tells(&pod, &["True", "False", "True"]).await;
    let after = test.pods().facts().await;
    assert_eq!(uids(&after), uids(&before));
    assert_eq!(after[&pod].restarts["app"], 1);
    assert_eq!(limits(&test, &pod).await["cpu"], "200m");
}

// CS-S38, IP-S20, CS-100: gate PreDownloadImageForInPlaceUpdate
async fn images_are_pulled_ahead(jobs: StandIn) {
    let test = Namespace::create("predownload").await;
    let sets = test.workload(CLONESETS);
    let mut terms = in_place(json!(1));
    terms["partition"] = json!(3);
    sets.create("web", small(4, terms)).await.unwrap();
    sets.status_becomes("web", "availableReplicas", 4).await;
    sets.set_app_image("web", &image(2)).await;
    sets.status_becomes("web", "updatedAvailableReplicas", 1)
        .await;
    let list = async || {
        jobs.api(&test)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    };
    let made: Vec<DynamicObject> = list().await;
    let [job] = &made[..] else {
        panic!("{made:#?}")
    };
    let revision = sets.status("web", "updateRevision").await;
    let name = format!("{}-app", revision.as_str().unwrap());
    assert_eq!(job.metadata.name, Some(name));
    assert_eq!(job.data["spec"]["image"], json!(image(2)));

    sets.patch_rolling_update("web", json!({ "partition": 0 }))
        .await;
    sets.rolled_out("web").await;
    eventually("the job is taken away", PATIENCE, || async {
        let left = list().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

// CS-87; PB-62, PB-S41: gate PodUnavailableBudgetUpdateGate. The budget is counted by pub-webhook, whose own gate for
// updates is off.
async fn a_budget_pays() {
    let test = Namespace::create("budget").await;
    let sets = test.workload(CLONESETS);
    let budget = test.workload(POD_UNAVAILABLE_BUDGETS);
    let spec = json!({ "selector": { "matchLabels": { "app": "web" } }, "maxUnavailable": 1 });
    budget.create("shop", spec).await.unwrap();
    sets.create("web", small(3, in_place(json!("100%"))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    budget.status_becomes("shop", "unavailableAllowed", 1).await;

    sets.set_app_image("web", &image(2)).await;
    let updated = async || {
        let facts = test.pods().facts().await;
        let updated = facts
            .iter()
            .filter(|(_, pod)| pod.images["app"] == image(2));
        updated.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let first = eventually("the first is updated", PATIENCE, || async {
        let updated = updated().await;
        if updated.is_empty() {
            Err(updated)
        } else {
            Ok(updated)
        }
    })
    .await;
    // It is counted out for 10 s.
    let still = Duration::from_secs(4);
    hold_for("no other is updated", still, || async {
        let now = updated().await;
        if now == first { Ok(()) } else { Err(now) }
    })
    .await;
    assert_eq!(first.len(), 1, "{first:?}");
    let status = budget.get("shop").await["status"].clone();
    assert_eq!(status["unavailableAllowed"], 0);
    assert!(
        status["unavailablePods"].get(&first[0]).is_some(),
        "{status}"
    );

    budget
        .patch("shop", json!({ "spec": { "maxUnavailable": 3 } }))
        .await;
    sets.rolled_out("web").await;
}

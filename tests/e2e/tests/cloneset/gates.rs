//! Feature gates. A controller that has them all on stands in for the deployed one, which has them off.

use std::{collections::BTreeSet, sync::Arc};

use e2e::{
    Cluster, Namespace, daemon, disturbing,
    local::StoodDown,
    namespace::{image, in_place, label, uids},
    pods::{REVISION, STATE, condition, labelled, names, small},
    proxy::Proxy,
    undisturbed,
    witness::Diary,
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

const GATES: &str = "--feature-gates=CloneSetShortHash=true,CloneSetPartitionRollback=true,\
    PreparingUpdateAsUpdate=true,InPlaceWorkloadVerticalScaling=true,\
    CloneSetEventHandlerOptimization=true";

// They share a controller, so that the deployed one stands down once.
#[tokio::test(flavor = "multi_thread")]
async fn gates_change_what_is_done() {
    let _guard = disturbing().await;
    let cluster = Cluster::get().await;
    if !cluster.is_local("gates_change_what_is_done") {
        return;
    }
    let before = Namespace::create("shorthash").await;
    before
        .create_clone_set("web", small(1, in_place(json!(1))))
        .await
        .unwrap();
    before.rolled_out("web").await;

    let deployed = StoodDown::new(cluster.client().await).await;
    let proxy = Arc::new(Proxy::start(cluster.config().await, 1).await);
    let flags = ["--enable-leader-election=false", GATES];
    let mut controller = deployed.start_locally(&proxy.url, &flags).await;
    let scenarios = [
        tokio::spawn(short_hashes(before)),
        tokio::spawn(a_raised_partition_rolls_back()),
        tokio::spawn(a_pod_that_prepares_counts_as_updated()),
        tokio::spawn(resources_change_in_place(Arc::clone(&proxy))),
        tokio::spawn(resources_that_restart()),
        tokio::spawn(resources_that_need_new_pods()),
    ];
    let ended = futures::future::join_all(scenarios).await;
    controller.still_runs();
    let failed = ended.into_iter().filter_map(Result::err).count();
    assert_eq!(failed, 0, "scenarios that failed; see above");
}

// CS-39: gate CloneSetShortHash. Switching it moves no pod.
async fn short_hashes(test: Namespace) {
    let old = test.active_pods().await;
    let long = label(&old[0], REVISION).to_owned();
    let short = long.rsplit('-').next().unwrap().to_owned();
    assert_ne!(long, short);
    test.patch("web", json!({ "spec": { "replicas": 2 } }))
        .await;
    let set = test.rolled_out("web").await;
    assert_eq!(set["status"]["updateRevision"], json!(long));
    let pods = test.active_pods().await;
    let at_long = labelled(&pods, REVISION, &long);
    assert_eq!(at_long, names(&old).into_iter().collect());
    assert_eq!(labelled(&pods, REVISION, &short).len(), 1, "the new one");
    assert_eq!(labelled(&pods, "pod-template-hash", &short).len(), 2);

    let before = uids(&test.facts().await);
    test.set_app_image("web", &image(2)).await;
    let set = test.rolled_out("web").await;
    let revision = set["status"]["updateRevision"].as_str().unwrap();
    let short = revision.rsplit('-').next().unwrap();
    let pods = test.active_pods().await;
    assert_eq!(labelled(&pods, REVISION, short).len(), 2);
    assert_eq!(uids(&test.facts().await), before, "in place");
}

/// Waits for the one pod that is being updated, and says that its containers have this environment.
async fn complete_one(test: &Namespace, hash: u64) {
    let updating = |pods: &[Pod]| labelled(pods, STATE, "Updating");
    let pods = test
        .pods_when("a pod is being updated", |pods| updating(pods).len() == 1)
        .await;
    let pod = updating(&pods).pop_first().unwrap();
    test.decided("web").await;
    let still: Vec<String> = updating(&test.active_pods().await).into_iter().collect();
    assert_eq!(still, std::slice::from_ref(&pod), "one at a time");
    test.report_environment(&pod, hash).await;
    test.pod_in_state(&pod, "Normal").await;
}

// CS-S25, CS-48, CS-81: gate CloneSetPartitionRollback
async fn a_raised_partition_rolls_back() {
    let test = Namespace::create("partitionback").await;
    let mut terms = in_place(json!(1));
    terms["partition"] = json!(1);
    let mut spec = small(3, terms);
    daemon::read_config(&mut spec);
    test.create_clone_set("web", spec).await.unwrap();
    test.status_becomes("web", "availableReplicas", 3).await;
    let before = test.facts().await;
    for pod in before.keys() {
        test.report_environment(pod, daemon::V1).await;
    }
    test.decided("web").await;
    test.set_config("web", "v2").await;
    for _ in 0..2 {
        complete_one(&test, daemon::V2).await;
    }
    test.status_becomes("web", "updatedAvailableReplicas", 2)
        .await;
    test.decided("web").await;

    test.patch_rolling_update("web", json!({ "partition": 3 }))
        .await;
    for n_updated in [1, 0] {
        complete_one(&test, daemon::V1).await;
        test.status_becomes("web", "updatedReplicas", n_updated)
            .await;
    }
    test.status_becomes("web", "availableReplicas", 3).await;
    assert_eq!(test.facts().await, before, "in place");
    let configured = |pod: &Pod| pod.metadata.annotations.clone().unwrap()[daemon::CONFIG].clone();
    let pods = test.active_pods().await;
    let configured: BTreeSet<String> = pods.iter().map(configured).collect();
    assert_eq!(configured, ["v1".to_owned()].into());
}

/// Of three old pods one prepares for its update; then one pod less is wanted, and one old one. Whether it stays.
async fn stays_while_it_prepares(test: &Namespace) -> bool {
    let mut spec = small(3, in_place(json!(1)));
    spec["template"]["metadata"]["labels"]["hold"] = json!("yes");
    spec["lifecycle"] = json!({ "inPlaceUpdate": { "labelsHandler": { "hold": "yes" } } });
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    test.relabel_template("web", "b").await;
    let preparing = |pods: &[Pod]| labelled(pods, STATE, "PreparingUpdate");
    let pods = test
        .pods_when("a pod prepares", |pods| preparing(pods).len() == 1)
        .await;
    let preparing = preparing(&pods).pop_first().unwrap();
    test.decided("web").await;
    let terms = json!({ "rollingUpdate": { "partition": 1 } });
    test.patch(
        "web",
        json!({ "spec": { "replicas": 2, "updateStrategy": terms } }),
    )
    .await;
    test.n_pods(2).await.contains(&preparing)
}

// CS-46: gate PreparingUpdateAsUpdate
async fn a_pod_that_prepares_counts_as_updated() {
    let test = Namespace::create("preparing").await;
    assert!(stays_while_it_prepares(&test).await, "an old one goes");
}

// CS-46: and without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_prepares_for_its_update_counts_as_old() {
    let _guard = undisturbed().await;
    let test = Namespace::create("preparingold").await;
    assert!(
        !stays_while_it_prepares(&test).await,
        "it is old like the others, and not available"
    );
}

fn sized(resources: Value, restart: &str) -> Value {
    let mut spec = small(1, in_place(json!(1)));
    let container = &mut spec["template"]["spec"]["containers"][0];
    container["resources"] = resources;
    container["resizePolicy"] = json!([{ "resourceName": "cpu", "restartPolicy": restart }]);
    spec
}

async fn set_resources(test: &Namespace, resources: Value) {
    let set = test.clone_set("web").await;
    let mut containers = set["spec"]["template"]["spec"]["containers"].clone();
    containers[0]["resources"] = resources;
    let template = json!({ "spec": { "containers": containers } });
    test.patch("web", json!({ "spec": { "template": template } }))
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
    Diary::start(test.pod_api(), |pod| {
        let ready = condition(pod, "InPlaceUpdateReady").map(|ready| ready.status.clone());
        ready.unwrap_or_default()
    })
    .await
}

/// Resources in the container's status, which are the kubelet's word.
async fn limits(test: &Namespace, pod: &str) -> Value {
    let pod = test.pod_api().get(pod).await.unwrap();
    let status = pod.status.unwrap().container_statuses.unwrap().remove(0);
    json!(status.resources.unwrap().limits.unwrap())
}

// IP-S7, IP-16, IP-30, IP-48: gate InPlaceWorkloadVerticalScaling
async fn resources_change_in_place(proxy: Arc<Proxy>) {
    let test = Namespace::create("resize").await;
    let spec = sized(burstable("100m", "64Mi"), "NotRequired");
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let pod = before.keys().next().unwrap().clone();
    let diary = service_diary(&test).await;
    set_resources(&test, burstable("200m", "64Mi")).await;
    test.rolled_out("web").await;
    assert_eq!(test.facts().await, before, "nothing restarts");
    diary.tells(&pod, &["True"]).await;
    assert_eq!(limits(&test, &pod).await["cpu"], "200m");
    let resizes = proxy.passed().into_iter().filter(|passed| {
        let call = &passed.call;
        (&*call.name, &*call.subresource) == (&*pod, "resize") && call.verb == "patch"
    });
    assert_eq!(resizes.count(), 1);
    let pods = test.active_pods().await;
    assert_eq!(labelled(&pods, STATE, "Normal").len(), 1);
}

// IP-S28, IP-16
async fn resources_that_restart() {
    let test = Namespace::create("resizerestart").await;
    let spec = sized(burstable("100m", "64Mi"), "RestartContainer");
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let pod = before.keys().next().unwrap().clone();
    let diary = service_diary(&test).await;
    set_resources(&test, burstable("100m", "96Mi")).await;
    test.rolled_out("web").await;
    diary.tells(&pod, &["True"]).await;
    assert_eq!(test.facts().await, before);
    assert_eq!(limits(&test, &pod).await["memory"], "96Mi");

    set_resources(&test, burstable("200m", "96Mi")).await;
    test.rolled_out("web").await;
    diary.tells(&pod, &["True", "False", "True"]).await;
    let after = test.facts().await;
    assert_eq!(uids(&after), uids(&before));
    assert_eq!(after[&pod].restarts["app"], 1);
    assert_eq!(limits(&test, &pod).await["cpu"], "200m");
}

// IP-S23, IP-S24, IP-6, IP-7
async fn resources_that_need_new_pods() {
    let test = Namespace::create("newresources").await;
    let requests = json!({ "cpu": "10m", "memory": "8Mi" });
    let spec = sized(json!({ "requests": requests }), "NotRequired");
    test.create_clone_set("web", spec).await.unwrap();
    test.rolled_out("web").await;
    let mut before = uids(&test.facts().await);
    let guaranteed = json!({ "requests": requests, "limits": requests });
    let lowered = json!({ "cpu": "10m", "memory": "6Mi" });
    for (why, resources) in [
        ("limits are added", guaranteed),
        (
            "no longer Guaranteed",
            json!({ "requests": lowered, "limits": requests }),
        ),
    ] {
        set_resources(&test, resources).await;
        test.rolled_out("web").await;
        let after = uids(&test.facts().await);
        assert!(before.is_disjoint(&after), "{why}");
        before = after;
    }
}

//! PodUnavailableBudgets: what only a real cluster shows of them. That is above all that an API server understands the match
//! conditions, and whom it asks. What is counted and spent is proved in process, by crates/pub-webhook/tests.

use std::{collections::BTreeSet, path::Path, time::Duration};

use e2e::{
    Deployable, Namespace, PATIENCE, Part, Test, Workload,
    cloneset::{in_place, small},
    eventually, hold_for,
    names::{
        CLONESET_CONTROLLER, CLONESETS, DEPLOYMENTS, NODES, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK,
    },
    pods::{is_ready, name_of},
    templates::{container, image, template},
};
use k8s_openapi::api::core::v1::{Namespace as CoreNamespace, Node, Pod};
use kube::{
    Api,
    api::{DeleteParams, EvictParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const TEXT: &str = "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: pub unavailable allowed is negative";

/// A Deployment of so many pods that are ready and linked, and a budget of them.
async fn shop(namespace: &Namespace, replicas: i32, max_unavailable: Value) -> Workload {
    let deployments = namespace.workload(DEPLOYMENTS);
    let budgets = namespace.workload(POD_UNAVAILABLE_BUDGETS);
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
    let spec = json!({ "targetRef": target, "maxUnavailable": max_unavailable });
    budgets.create("shop", spec).await.unwrap();
    let spec = json!({
        "replicas": replicas, "selector": { "matchLabels": { "app": "web" } }, "template": template(),
    });
    deployments.create("web", spec).await.unwrap();
    all_serve(namespace, &budgets, replicas).await;
    budgets
}

async fn all_serve(namespace: &Namespace, budgets: &Workload, replicas: i32) {
    let n_pods = usize::try_from(replicas).unwrap();
    let are_ready = |pods: &[Pod]| {
        let ours: Vec<&Pod> = pods
            .iter()
            .filter(|pod| name_of(pod).starts_with("web-"))
            .collect();
        ours.len() == n_pods && ours.iter().all(|pod| is_ready(pod) && is_linked(pod))
    };
    let what = format!("{n_pods} pods are ready and linked");
    namespace.pods().when(&what, are_ready).await;
    budgets
        .status_becomes("shop", "currentAvailable", i64::from(replicas))
        .await;
    budgets
        .status_becomes("shop", "totalReplicas", i64::from(replicas))
        .await;
}

fn is_linked(pod: &Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.is_some_and(|all| {
        all.get("pub.kruise.io/related-pub")
            .is_some_and(|it| it == "shop")
    })
}

async fn evict(namespace: &Namespace, pod: &str) -> Result<(), String> {
    let evicted = namespace
        .pods()
        .api()
        .evict(pod, &EvictParams::default())
        .await;
    evicted.map(drop).map_err(|error| error.to_string())
}

async fn delete(namespace: &Namespace, pod: &str) -> Result<(), String> {
    let deleted = namespace
        .pods()
        .api()
        .delete(pod, &DeleteParams::default())
        .await;
    deleted.map(drop).map_err(|error| error.to_string())
}

async fn names(namespace: &Namespace) -> Vec<String> {
    namespace
        .pods()
        .active()
        .await
        .iter()
        .map(name_of)
        .collect()
}

/// PB-S2, PB-S4, PB-S5, PB-S27, PB-42: at once, and to two replicas.
#[tokio::test(flavor = "multi_thread")]
async fn evictions_and_deletions_are_paid_for_once_by_two_replicas() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let budgets = shop(&test, 6, json!(2)).await;
    let pods = names(&test).await;
    let asked = pods.iter().enumerate().map(async |(index, pod)| {
        if index % 2 == 0 {
            ("vpodeviction.kb.io", evict(&test, pod).await)
        } else {
            ("vpod.kb.io", delete(&test, pod).await)
        }
    });
    let answers = futures::future::join_all(asked).await;
    let n_allowed = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    assert_eq!(n_allowed, 2, "{answers:?}");
    for (webhook, refused) in answers.into_iter().filter(|(_, answer)| answer.is_err()) {
        let text = refused.unwrap_err();
        let expected = format!("admission webhook \"{webhook}\" denied the request: {TEXT}");
        assert!(text.contains(&expected), "{text}");
    }
    // Never stuck: the Deployment makes others.
    all_serve(&test, &budgets, 6).await;
    budgets
        .status_becomes("shop", "unavailableAllowed", 2)
        .await;
    let next = names(&test).await.remove(0);
    delete(&test, &next).await.unwrap();
}

/// As `kubectl drain` does it: cordon, and evict each pod until it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_drained_as_the_budget_allows() {
    let [drained, ..] = NODES;
    let Some(test) = Test::of(PUB_WEBHOOK)
        .disturbs(Part::Node(drained))
        .begin_locally()
        .await
    else {
        return;
    };
    let budgets = shop(&test, 6, json!(1)).await;
    let nodes: Api<Node> = Api::all(test.client.clone());
    cordon(&nodes, drained, true).await;
    let on_node = async || {
        let pods = test.pods().active().await.into_iter();
        let pods = pods.filter(|pod| {
            pod.spec
                .as_ref()
                .is_some_and(|it| it.node_name.as_deref() == Some(drained))
        });
        pods.map(|pod| name_of(&pod)).collect::<BTreeSet<_>>()
    };
    let begun_with = on_node().await;
    eventually("the node is empty", PATIENCE, || async {
        let ready = test
            .pods()
            .active()
            .await
            .iter()
            .filter(|pod| is_ready(pod))
            .count();
        assert!(ready >= 5, "only {ready} are ready");
        for pod in on_node().await {
            // Refused, and tried again.
            let _ = evict(&test, &pod).await;
        }
        let left = on_node().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    cordon(&nodes, drained, false).await;
    assert!(!begun_with.is_empty(), "no pod was on the node");
    all_serve(&test, &budgets, 6).await;
}

async fn cordon(nodes: &Api<Node>, node: &str, is_cordoned: bool) {
    let patch = Patch::Merge(json!({ "spec": { "unschedulable": is_cordoned } }));
    nodes
        .patch(node, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

/// A pod of nobody's.
async fn bare(namespace: &Namespace, name: &str, change: Value) {
    let mut pod = json!({
        "metadata": { "name": name, "labels": { "app": "bare" } },
        "spec": { "terminationGracePeriodSeconds": 1, "containers": [container("app", &image(1))] },
    });
    json_patch::merge(&mut pod, &change);
    let pod = serde_json::from_value(pod).unwrap();
    namespace
        .pods()
        .api()
        .create(&PostParams::default(), &pod)
        .await
        .unwrap();
}

/// Decision 10, PF-S43: what is free anyway does not depend on us, to the kubelet's last deletion.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_only_protected_pods_wait() {
    let Some(test) = Test::that_disturbs(PUB_WEBHOOK).begin_locally().await else {
        return;
    };
    let controller = Deployable::of(&test.client, PUB_WEBHOOK);
    let budgets = shop(&test, 2, json!(1)).await;
    bare(&test, "bare", json!({})).await;
    // It is linked, and never ready.
    bare(
        &test,
        "starting",
        json!({
            "metadata": { "annotations": { "pub.kruise.io/related-pub": "shop" } },
            "spec": { "containers": [json!({ "name": "app", "image": "registry.local/none:1" })] },
        }),
    )
    .await;
    let elsewhere = Namespace::create("without-budget").await;
    bare(&elsewhere, "bare", json!({})).await;
    let ready = |pods: &[Pod]| {
        pods.iter()
            .any(|pod| name_of(pod) == "bare" && is_ready(pod))
    };
    test.pods().when("bare is ready", ready).await;
    elsewhere.pods().when("bare is ready", ready).await;
    let ours = names(&test)
        .await
        .into_iter()
        .find(|name| name.starts_with("web-"))
        .unwrap();
    controller.scale(0).await;

    let answers = [
        ("a pod without link", delete(&test, "bare").await),
        ("a pod that is not ready", delete(&test, "starting").await),
        ("an eviction elsewhere", evict(&elsewhere, "bare").await),
    ];
    let protected = [delete(&test, &ours).await, evict(&test, &ours).await];
    let label = json!({ "metadata": { "labels": { "tier": "a" } } });
    let labelled = test
        .pods()
        .api()
        .patch(&ours, &PatchParams::default(), &Patch::Merge(label))
        .await;
    bare(&test, "new", json!({})).await;
    // The kubelet has the last word on pods that go.
    let gone = eventually(
        "pods that may go are gone",
        Duration::from_secs(20),
        || async {
            let left: Vec<String> = test.pods().all().await.iter().map(name_of).collect();
            let is_left = |name: &str| left.iter().any(|it| it == name);
            if is_left("bare") || is_left("starting") {
                Err(left.clone())
            } else {
                Ok(())
            }
        },
    );
    let gone = tokio::time::timeout(Duration::from_secs(25), gone).await;
    controller.scale(2).await;

    gone.unwrap();
    for (what, answer) in answers {
        answer.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    for answer in protected {
        let error = answer.unwrap_err();
        assert!(error.contains("failed calling webhook"), "{error}");
    }
    labelled.unwrap();
    all_serve(&test, &budgets, 2).await;
}

/// PB-70: nothing is left of the budget, and garbage collection and the namespace controller go on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_as_a_whole_goes() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let other = Namespace::create("goes").await;
    let (_, _) = tokio::join!(shop(&test, 2, json!(0)), shop(&other, 2, json!(0)));
    for namespace in [&*test, &other] {
        let pod = names(namespace).await.remove(0);
        let refused = delete(namespace, &pod).await.unwrap_err();
        assert!(refused.contains(TEXT), "{refused}");
    }
    test.workload(DEPLOYMENTS).delete("web").await;
    let namespaces: Api<CoreNamespace> = Api::all(test.client.clone());
    namespaces
        .delete(&other.name, &DeleteParams::default())
        .await
        .unwrap();
    test.pods()
        .when("the pods go with their Deployment", <[Pod]>::is_empty)
        .await;
    eventually("the namespace goes", PATIENCE, || async {
        match namespaces.get_opt(&other.name).await {
            Ok(None) => Ok(()),
            there => Err(format!("{there:?}")),
        }
    })
    .await;
}

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

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_what_a_server_takes() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let budgets = test.workload(POD_UNAVAILABLE_BUDGETS);
    for sample in ["minimal.yaml", "every-field.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../deploy/samples/podunavailablebudget")
            .join(sample);
        let text = std::fs::read_to_string(path).unwrap();
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let mut budget: Value = serde::Deserialize::deserialize(document).unwrap();
            budget["metadata"]["namespace"] = json!(test.name);
            let created = budgets.create_whole(budget.clone()).await;
            created.unwrap_or_else(|error| panic!("{}: {error}", budget["metadata"]["name"]));
        }
    }
}

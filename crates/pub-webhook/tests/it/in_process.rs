//! The whole deployable: what it counts, and who may go.

use std::time::Duration;

use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{PODS, Resource},
};
use kruise_runtime::webhook::InProcessWebhooks;
use kruise_testkit::{
    server::{Fault, Rule},
    world::flags,
};
use kruise_workload::IndexedKind;
use pub_webhook::{NAME, PubArgs, app};
use serde_json::{Value, json};

use crate::{
    cluster::{
        BOTH_GATES, Users, add_pods, annotation, becomes, begin, budget, deployment, key, numbers,
        of_deployment, put, replica_set, story, told,
    },
    objects::BUDGET,
    replica::deletion,
};

/// The second replica.
const SECOND: &str = "pub-webhook-2";

/// A Deployment `shop` of ten pods, and a budget of three of them.
async fn shop(world: &mut kruise_testkit::world::World) -> String {
    let uid = deployment(world, BUDGET, 10);
    add_pods(world, BUDGET, &uid, 10);
    let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": "30%" });
    put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
    becomes(world, "10 7 10 3").await;
    uid
}

/// PB-S1, PB-S33
#[test]
fn a_budget_is_computed_and_its_pods_are_linked() {
    story(1, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        let budget = world
            .server
            .get(PODUNAVAILABLEBUDGETS, &key(BUDGET))
            .unwrap();
        assert_eq!(
            budget["status"]["observedGeneration"],
            budget["metadata"]["generation"]
        );
        for number in 0..10 {
            for link in ["pub.kruise.io/related-pub", "kruise.io/related-pub"] {
                let pod = format!("shop-{number}");
                assert_eq!(
                    annotation(&world.server, &pod, link).as_deref(),
                    Some(BUDGET)
                );
            }
        }
        // A settled budget is never written.
        let version = world.server.version();
        world.run_for(Duration::from_secs(120)).await;
        let newer = world.server.changes_since(version).into_iter();
        let ours = newer.filter(|change| change.by == NAME && change.resource.plural != "leases");
        assert_eq!(ours.count(), 0);
    });
}

/// PB-S2, PB-42: what the API server tells a user.
#[test]
fn as_many_pods_go_as_the_budget_allows() {
    story(2, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        let users = Users::of(world);
        for pod in ["shop-0", "shop-1"] {
            users.delete(pod).await.unwrap();
        }
        users.evict("shop-2").await.unwrap();
        let text = |webhook: &str| {
            format!(
                "admission webhook \"{webhook}\" denied the request: podunavailablebudget.policy.kruise.io \"shop\" is \
                 forbidden: pub unavailable allowed is negative"
            )
        };
        let refused = users.delete("shop-3").await.unwrap_err();
        assert!(refused.contains(&text("vpod.kb.io")), "{refused}");
        let refused = users.evict("shop-3").await.unwrap_err();
        assert!(refused.contains(&text("vpodeviction.kb.io")), "{refused}");
        world.run_for(Duration::from_secs(1)).await;
        let events = told(&world.server, "shop-3", "PubPreventPodDeletion");
        assert_eq!(events, ["openkruise pub prevents pod deletion"]);
        // Never stuck: others take their places, and the next may go.
        let uid =
            world.server.list(IndexedKind::ReplicaSet.resource())[0]["metadata"]["uid"].clone();
        for pod in ["shop-a", "shop-b", "shop-c"] {
            put(
                world,
                PODS,
                crate::cluster::pod_of(BUDGET, pod, uid.as_str().unwrap()),
            );
        }
        becomes(world, "10 7 10 3").await;
        users.delete("shop-3").await.unwrap();
    });
}

/// PB-S13, PB-S14
#[test]
fn a_selector_counts_what_the_workloads_want() {
    story(3, async |world| {
        begin(world, &[]).await;
        let a = deployment(world, "a", 4);
        let deployment_a = world
            .server
            .get(IndexedKind::Deployment.resource(), &key("a"))
            .unwrap();
        let older = replica_set(world, "a-6b8", &deployment_a);
        let b = deployment(world, "b", 6);
        add_pods(world, "a", &a, 3);
        let mut old = crate::cluster::pod_of("a", "a-old", &older);
        old["metadata"]["ownerReferences"][0]["name"] = json!("a-6b8");
        put(world, PODS, old);
        add_pods(world, "b", &b, 6);
        let spec =
            json!({ "selector": { "matchLabels": { "group": "all" } }, "maxUnavailable": 2 });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        becomes(world, "10 8 10 2").await;
        world.server.change(
            "user",
            IndexedKind::Deployment.resource(),
            &key("b"),
            |deployment| {
                deployment["metadata"]["finalizers"] = json!(["acme.io/hold"]);
                deployment["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
            },
        );
        becomes(world, "4 2 10 8").await;
    });
}

/// PB-S15
#[test]
fn a_total_of_its_own_counts_for_bare_pods() {
    story(4, async |world| {
        begin(world, &[]).await;
        for number in 0..5 {
            let mut pod = crate::objects::pod(&format!("p{number}"));
            pod["metadata"]["ownerReferences"] = Value::Null;
            put(world, PODS, pod);
        }
        let spec = json!({
            "selector": { "matchLabels": { "app": "shop" } }, "maxUnavailable": "40%", "protectTotalReplicas": 5,
        });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        becomes(world, "5 3 5 2").await;
    });
}

/// PB-S30
#[test]
fn a_change_of_replicas_is_counted_at_once() {
    story(5, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        world.server.change(
            "user",
            IndexedKind::Deployment.resource(),
            &key(BUDGET),
            |deployment| {
                deployment["spec"]["replicas"] = json!(5);
            },
        );
        becomes(world, "5 3 10 7").await;
    });
}

/// PB-S31, PB-70: also where pods are left over.
#[test]
fn a_deployment_of_none_protects_nothing() {
    story(6, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        world.server.change(
            "user",
            IndexedKind::Deployment.resource(),
            &key(BUDGET),
            |deployment| {
                deployment["spec"]["replicas"] = json!(0);
            },
        );
        becomes(world, "0 0 0 0").await;
        assert_eq!(
            told(&world.server, BUDGET, "NoPods"),
            ["No matching pods found"]
        );
        let users = Users::of(world);
        for number in 0..10 {
            users.delete(&format!("shop-{number}")).await.unwrap();
        }
    });
}

/// PB-70: nothing is left, and yet garbage collection goes on.
#[test]
fn pods_of_a_deleted_deployment_can_be_collected() {
    story(7, async |world| {
        begin(world, &[]).await;
        let uid = deployment(world, BUDGET, 2);
        add_pods(world, BUDGET, &uid, 2);
        let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 0 });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        becomes(world, "2 2 2 0").await;
        let users = Users::of(world);
        users.delete("shop-0").await.unwrap_err();
        world
            .server
            .delete("user", IndexedKind::Deployment.resource(), &key(BUDGET));
        becomes(world, "0 0 0 0").await;
        users.delete("shop-0").await.unwrap();
    });
}

/// PB-S23, DV-PB7
#[test]
fn a_deletion_that_never_came_is_given_back() {
    story(8, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        // It is paid for, and nobody deletes it.
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": deletion(&linked(world, "shop-0")),
        });
        let webhooks = world.webhooks_of(NAME);
        let answer = webhooks
            .call("/validate-pod", review.to_string().as_bytes())
            .await;
        let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap()).unwrap();
        assert_eq!(answer["response"]["allowed"], true);
        assert_eq!(answer["response"]["status"]["code"], 200);
        becomes(world, "10 7 9 2").await;
        world.run_for(Duration::from_secs(18)).await;
        assert_eq!(numbers(&world.server), "10 7 9 2");
        world.run_for(Duration::from_secs(4)).await;
        assert_eq!(numbers(&world.server), "10 7 10 3");
        let told = told(&world.server, "shop-0", "NotDeleted");
        assert_eq!(
            told,
            ["Pod was expected by PUB web/shop to be deleted but it wasn't"]
        );
    });
}

/// DV-PB16: what the watch still shows as running has gone long ago.
#[test]
fn a_silent_watch_gives_nothing_back() {
    story(12, async |world| {
        begin(world, &[]).await;
        shop(world).await;
        let silent = Rule::new(Fault::WatchSilent, 1000);
        world
            .server
            .faults()
            .set(vec![silent.of(NAME).plurals(&["pods"])]);
        let users = Users::of(world);
        for pod in ["shop-0", "shop-1", "shop-2"] {
            users.delete(pod).await.unwrap();
        }
        becomes(world, "10 7 7 0").await;
        for _ in 0..60 {
            world.run_for(Duration::from_secs(1)).await;
            assert_eq!(numbers(&world.server), "10 7 7 0");
            users.delete("shop-3").await.unwrap_err();
        }
        assert_eq!(told(&world.server, "shop-0", "NotDeleted"), [""; 0]);
        // The watch never showed it.
        let requests = world.server.requests().into_iter();
        let read = requests.filter(|it| {
            (it.by, it.verb, it.plural.as_str()) == (NAME, "get", "pods") && it.key == key("shop-0")
        });
        assert!(read.count() > 0);
    });
}

/// PB-18, DV-PB12: the budget counts, whatever keeps one pod from being linked.
#[test]
fn a_pod_that_cannot_be_linked_holds_up_no_status() {
    story(13, async |world| {
        begin(world, &[]).await;
        let refused = Rule::new(Fault::Forbidden, 1000).verbs(&["patch"]);
        world
            .server
            .faults()
            .set(vec![refused.plurals(&["pods"]).names(&["shop-0"])]);
        shop(world).await;
        let link = |pod: &str| annotation(&world.server, pod, "pub.kruise.io/related-pub");
        for number in 1..10 {
            assert_eq!(link(&format!("shop-{number}")).as_deref(), Some(BUDGET));
        }
        assert_eq!(link("shop-0"), None);
        let users = Users::of(world);
        users.delete("shop-1").await.unwrap();
        becomes(world, "10 7 9 2").await;
        world.server.faults().set(vec![]);
        world.run_for(Duration::from_secs(31)).await;
        assert_eq!(link("shop-0").as_deref(), Some(BUDGET));
    });
}

fn linked(world: &kruise_testkit::world::World, pod: &str) -> Value {
    Value::clone(&world.server.get(PODS, &key(pod)).unwrap())
}

/// PB-S27: whole processes, of which one leads and counts meanwhile.
#[test]
fn two_processes_spend_one_unit_once() {
    for seed in 30..35 {
        story(seed, async |world| {
            begin(world, &[]).await;
            world.run_app(SECOND, &[], || vec![app(flags::<PubArgs>(&[]))]);
            let uid = deployment(world, BUDGET, 10);
            add_pods(world, BUDGET, &uid, 10);
            let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 1 });
            put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
            becomes(world, "10 9 10 1").await;
            world.run_for(Duration::from_secs(5)).await;
            let requests = ["shop-0", "shop-1"].map(|pod| deletion(&linked(world, pod)));
            let replicas = [NAME, SECOND].map(|name| world.webhooks_of(name));
            let asked = replicas.iter().zip(&requests);
            let asked = asked.map(|(replica, request)| allows(replica, request));
            let answers = futures::future::join_all(asked).await;
            assert_eq!(answers.iter().filter(|it| **it).count(), 1, "{answers:?}");
            becomes(world, "10 9 9 0").await;
        });
    }
}

async fn allows(replica: &InProcessWebhooks, request: &Value) -> bool {
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    let answer = replica
        .call("/validate-pod", review.to_string().as_bytes())
        .await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap()).unwrap();
    answer["response"]["allowed"] == true
}

/// PB-42: the answer as it goes over the wire.
#[test]
fn a_refusal_has_a_reason_for_programs() {
    story(9, async |world| {
        begin(world, &[]).await;
        let uid = deployment(world, BUDGET, 1);
        add_pods(world, BUDGET, &uid, 1);
        let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 0 });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        becomes(world, "1 1 1 0").await;
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": deletion(&linked(world, "shop-0")),
        });
        let webhooks = world.webhooks_of(NAME);
        let answer = webhooks
            .call("/validate-pod", review.to_string().as_bytes())
            .await;
        let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap()).unwrap();
        let response = &answer["response"];
        assert_eq!(response["allowed"], false);
        let status = json!({
            "code": 403, "reason": "Forbidden",
            "message": "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: pub unavailable allowed is negative",
        });
        assert_eq!(response["status"], status);
        let warning = "PodUnavailableBudget web/shop: 1 of 1 pods must stay available, 1 were when last counted, 0 may go \
                       now";
        assert_eq!(response["warnings"], json!([warning]));
    });
}

/// PB-S37
#[test]
fn operations_come_and_go_through_the_older_version() {
    story(10, async |world| {
        begin(world, &[]).await;
        let older = Resource {
            version: "v1alpha1",
            ..PODUNAVAILABLEBUDGETS
        };
        let mut shop = budget(
            BUDGET,
            json!({
                "selector": { "matchLabels": { "app": "shop" } }, "maxUnavailable": 1,
            }),
        );
        shop["apiVersion"] = json!("policy.kruise.io/v1alpha1");
        shop["metadata"]["annotations"] =
            json!({ "kruise.io/pub-protect-operations": "EVICT, UPDATE" });
        let users = Users::of(world);
        users.create(older, shop).await.unwrap();
        let stored = users.read(PODUNAVAILABLEBUDGETS, BUDGET).await;
        assert_eq!(
            stored["spec"]["protectOperations"],
            json!(["EVICT", "UPDATE"])
        );
        let read = users.read(older, BUDGET).await;
        let annotation = &read["metadata"]["annotations"]["kruise.io/pub-protect-operations"];
        assert_eq!(annotation, "EVICT,UPDATE");
    });
}

/// Decision 10: who depends on a replica, and who doesn't.
#[test]
fn while_nobody_answers_only_serving_pods_of_budgets_wait() {
    story(11, async |world| {
        begin(world, BOTH_GATES).await;
        let uid = shop(world).await;
        let users = Users::of(world);
        let mut starting = crate::cluster::pod_of(BUDGET, "starting", &uid);
        starting["status"] = json!({ "phase": "Pending" });
        put(world, PODS, starting);
        put(
            world,
            PODS,
            crate::cluster::pod_of("other", "other-0", "nobody"),
        );
        world.run_for(Duration::from_secs(5)).await;
        world.stop(NAME).await;
        let refused = users.delete("shop-0").await.unwrap_err();
        assert!(refused.contains("failed calling webhook"), "{refused}");
        let image = json!({ "spec": { "containers": [{ "name": "app", "image": "app:2" }] } });
        users.patch("shop-0", image.clone()).await.unwrap_err();
        let label = json!({ "metadata": { "labels": { "tier": "a" } } });
        users.patch("shop-0", label).await.unwrap();
        users.patch("other-0", image).await.unwrap();
        users.delete("starting").await.unwrap();
        users.delete("other-0").await.unwrap();
        // A new pod is made without a link, and gets it later.
        let mut new = crate::cluster::pod_of(BUDGET, "new", &uid);
        new["status"] = Value::Null;
        users.create(PODS, new).await.unwrap();
        assert_eq!(
            annotation(&world.server, "new", "pub.kruise.io/related-pub"),
            None
        );
        world.start(NAME);
        world
            .until("linked", |server| {
                annotation(server, "new", "pub.kruise.io/related-pub").as_deref() == Some(BUDGET)
            })
            .await;
        users.delete("shop-0").await.unwrap();
    });
}

/// PB-47, PB-52: conflicts and lost answers only delay.
#[test]
fn statuses_come_right_though_calls_fail() {
    for (seed, fault) in [
        Fault::Conflict,
        Fault::TimeoutAfter,
        Fault::AnswerLost,
        Fault::Internal,
    ]
    .into_iter()
    .enumerate()
    {
        story(20 + seed as u64, async |world| {
            begin(world, &[]).await;
            let rule = Rule::new(fault, 400)
                .of(NAME)
                .verbs(&["patch"])
                .plurals(&["podunavailablebudgets", "pods"]);
            world.server.faults().set(vec![rule]);
            let uid = deployment(world, BUDGET, 6);
            add_pods(world, BUDGET, &uid, 6);
            let spec = json!({ "targetRef": of_deployment(BUDGET), "maxUnavailable": 2 });
            put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
            world.run_for(Duration::from_secs(60)).await;
            world.server.faults().stop();
            becomes(world, "6 4 6 2").await;
            for number in 0..6 {
                let pod = format!("shop-{number}");
                let link = annotation(&world.server, &pod, "pub.kruise.io/related-pub");
                assert_eq!(link.as_deref(), Some(BUDGET), "{fault:?}");
            }
        });
    }
}

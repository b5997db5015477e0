//! Several who spend at once, and what a replica does that sees less than the API server has.

use std::time::Duration;

use http::StatusCode;
use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{ObjectKey, PODS},
};
use kruise_runtime::webhook::AdmissionResponse;
use kruise_testkit::server::{ApiServer, Fault, Rule};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    objects::{BUDGET, NAMESPACE, NOW, budget, pod, pod_with, used_up, with},
    replica::{Replica, USER, allowed, before, booked, put, server, status},
    spending::TEXT,
};

/// PB-S27: whoever is later meets a conflict, and finds nothing left.
#[tokio::test(start_paused = true)]
async fn two_replicas_spend_one_unit_once() {
    for seed in 0..20 {
        let server = server(&[budget(9, json!({})), pod("p1"), pod("p2")]);
        let (one, two) = (Replica::new(&server, "one"), Replica::new(&server, "two"));
        let (first, second) = (pod("p1"), pod("p2"));
        let (first, second) = if seed % 2 == 0 {
            tokio::join!(one.delete(&first), two.evict("p2"))
        } else {
            tokio::join!(one.evict("p1"), two.delete(&second))
        };
        let n_allowed = [&first, &second]
            .into_iter()
            .filter(|it| it.is_allowed())
            .count();
        assert_eq!(n_allowed, 1, "seed {seed}");
        assert_eq!(allowed(&server), 0);
        assert_eq!(booked(&server, "disruptedPods").len(), 1);
        let refused = if first.is_allowed() { &second } else { &first };
        assert_eq!(refused.message(), TEXT);
    }
}

/// PB-47: within a process nobody meets a conflict.
#[tokio::test(start_paused = true)]
async fn requests_of_one_replica_take_turns() {
    let server = server(&[budget(5, json!({}))]);
    let replica = Replica::new(&server, "pub-webhook");
    let pods: Vec<Value> = (0..10).map(|number| pod(&format!("p{number}"))).collect();
    let asked = pods.iter().map(|pod| replica.delete(pod));
    let answers = futures::future::join_all(asked).await;
    assert_eq!(answers.iter().filter(|it| it.is_allowed()).count(), 5);
    assert_eq!(allowed(&server), 0);
    let requests = server.requests();
    assert!(
        requests.iter().all(|it| it.code != Some(409)),
        "{requests:?}"
    );
}

/// PB-S28
#[tokio::test(start_paused = true)]
async fn after_four_conflicts_it_is_refused() {
    let (server, replica) = before(budget(7, json!({})));
    server
        .faults()
        .set(vec![Rule::new(Fault::Conflict, 1000).verbs(&["patch"])]);
    let start = tokio::time::Instant::now();
    let refused = replica.delete(&pod("p1")).await;
    let time = start.elapsed().as_secs_f64();
    assert!((1.5..1.7).contains(&time), "{time}");
    assert_eq!(refused.code(), StatusCode::FORBIDDEN);
    assert!(
        refused.message().contains("the object has been modified"),
        "{}",
        refused.message()
    );
    let patches = server
        .requests()
        .into_iter()
        .filter(|it| it.verb == "patch");
    assert_eq!(patches.count(), 4);
    // It is no refusal for lack of budget (PB-60).
    assert_eq!(replica.refusals(USER), 0);
}

/// PB-S29, PB-48
#[tokio::test(start_paused = true)]
async fn pods_of_a_budget_that_has_just_gone_may_go() {
    let (server, replica) = before(used_up(json!({})));
    let key = ObjectKey::new(NAMESPACE, "shop");
    let gone = budget(9, json!({}));
    replica.budgets.apply(
        serde_json::from_value(with(
            gone,
            json!({ "metadata": {
        "resourceVersion": "999999",
    } }),
        ))
        .unwrap(),
    );
    server.delete("user", PODUNAVAILABLEBUDGETS, &key);
    assert!(replica.delete(&pod("p1")).await.is_allowed());
}

/// PB-38.3, DV-PB9: the index may be late, and the API server knows. That there is none is not remembered, since the first
/// status of a budget that comes may be written at once.
#[tokio::test(start_paused = true)]
async fn a_budget_that_the_index_lacks_is_asked_for() {
    let server = server(&[pod("p1")]);
    let replica = Replica::new(&server, "pub-webhook");
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    put(&server, &used_up(json!({})));
    assert!(!replica.delete(&pod("p1")).await.is_allowed());
    server
        .faults()
        .set(vec![Rule::new(Fault::Internal, 1000).verbs(&["get"])]);
    let error = replica.delete(&pod("p1")).await;
    assert_eq!(error.code(), StatusCode::BAD_REQUEST);
}

fn n_reads(server: &ApiServer) -> usize {
    let requests = server.requests().into_iter();
    requests.filter(|it| it.verb == "get").count()
}

/// DV-PB9, DV-PB14: many who ask at once cost two reads at most.
#[tokio::test(start_paused = true)]
async fn who_asks_at_the_same_time_shares_a_read() {
    let server = server(&[]);
    let replica = Replica::new(&server, "pub-webhook");
    let pods: Vec<Value> = (0..30).map(|number| pod(&format!("p{number}"))).collect();
    let asked = pods.iter().map(|pod| replica.delete(pod));
    let answers = futures::future::join_all(asked).await;
    assert!(answers.iter().all(AdmissionResponse::is_allowed));
    assert!(n_reads(&server) <= 2, "{}", n_reads(&server));
}

/// What is stored, while the index still shows what was before.
fn becomes(server: &ApiServer, now: &Value) {
    let key = ObjectKey::new(NAMESPACE, BUDGET);
    server.change("user", PODUNAVAILABLEBUDGETS, &key, |budget| {
        for part in ["spec", "status"] {
            budget[part] = now[part].clone();
        }
    });
}

/// DV-PB14: nothing would be written, so no conflict would tell that the copy is an old one.
#[rstest]
#[case::nothing_desired(json!({ "status": { "desiredAvailable": 0 } }))]
#[case::no_status(json!({ "status": null }))]
#[case::ignored(json!({ "spec": { "ignoredPodSelector": { "matchLabels": { "app": "shop" } } } }))]
#[case::not_protected(json!({ "spec": { "protectOperations": ["UPDATE"] } }))]
#[case::recorded(json!({ "status": { "disruptedPods": { "p1": NOW } } }))]
#[tokio::test(start_paused = true)]
async fn an_old_copy_lets_nobody_go(#[case] old: Value) {
    let (server, replica) = before(used_up(old));
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    becomes(&server, &used_up(json!({})));
    for answer in [replica.delete(&pod("p1")).await, replica.evict("p1").await] {
        assert_eq!(answer.message(), TEXT);
    }
    // Nobody can say what the budget is.
    server
        .faults()
        .set(vec![Rule::new(Fault::Internal, 1000).verbs(&["get"])]);
    let unknown = replica.delete(&pod("p1")).await;
    assert_eq!(unknown.code(), StatusCode::FORBIDDEN);
}

/// DV-PB14: a watch may be silent for minutes, in which nobody could go.
#[tokio::test(start_paused = true)]
async fn an_old_copy_holds_nobody_up() {
    let (server, replica) = before(used_up(json!({})));
    assert!(!replica.delete(&pod("p1")).await.is_allowed());
    becomes(&server, &budget(9, json!({})));
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    assert_eq!(booked(&server, "disruptedPods"), ["p1"]);
    assert_eq!(replica.refusals(USER), 1);
}

/// DV-PB14: what is written is asked for by writing it, and who has no budget asks nobody.
#[tokio::test(start_paused = true)]
async fn only_what_is_not_written_is_asked_for() {
    let (server, replica) = before(budget(9, json!({})));
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    let unlinked = pod_with("p2", json!({ "metadata": { "annotations": null } }));
    assert!(replica.delete(&unlinked).await.is_allowed());
    let starting = pod_with("p3", json!({ "status": { "phase": "Pending" } }));
    assert!(replica.delete(&starting).await.is_allowed());
    assert_eq!(n_reads(&server), 0);
}

/// DV-PB15
#[tokio::test(start_paused = true)]
async fn a_second_call_renews_a_record_that_is_about_to_end() {
    let began = Instant::now();
    let (server, replica) = before(budget(9, json!({})));
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    let at = || status(&server)["disruptedPods"]["p1"].clone();
    for (second, is_renewed) in [(15, false), (16, true), (21, false), (60, true)] {
        let before = at();
        tokio::time::sleep_until(began + Duration::from_secs(second)).await;
        assert!(replica.delete(&pod("p1")).await.is_allowed());
        assert_eq!(at() != before, is_renewed, "{second}");
        assert_eq!(allowed(&server), 0);
    }
}

/// PB-39, PB-47: attempts may be seconds apart, and the last one counts.
#[tokio::test(start_paused = true)]
async fn what_is_spent_at_last_is_recorded_with_that_time() {
    let (server, replica) = before(budget(9, json!({})));
    let conflicts = vec![Rule::new(Fault::Conflict, 1000).verbs(&["patch"])];
    server.faults().set(conflicts);
    let at_first = async {
        tokio::time::sleep(Duration::from_millis(1300)).await;
        server.faults().set(vec![]);
    };
    let (answer, ()) = tokio::join!(replica.evict("p1"), at_first);
    assert!(answer.is_allowed());
    let at = status(&server)["disruptedPods"]["p1"].clone();
    assert_eq!(at, json!("2026-01-10T08:00:01Z"));
}

/// PB-19, PB-38.3: whatever somebody writes into the annotation. As a path it would lead to something else.
#[rstest]
#[case::a_subresource("shop/status")]
#[case::up_and_away("../podunavailablebudgets/shop")]
#[case::a_query("shop?x=1")]
#[case::a_space("my shop")]
#[case::capitals("Shop")]
#[tokio::test(start_paused = true)]
async fn what_no_budget_can_be_called_is_none(#[case] name: &str) {
    let annotated = json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": name } } });
    let pod = pod_with("p1", annotated);
    let (server, replica) = before(used_up(json!({})));
    let n_before = server.requests().len();
    assert!(replica.delete(&pod).await.is_allowed());
    assert_eq!(server.requests().len(), n_before, "nobody is asked");
}

/// PB-36, DV-PB9: an eviction does not bring its pod along, and the index may show what it was.
#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_asked_for() {
    let server = server(&[used_up(json!({}))]);
    let replica = Replica::new(&server, "pub-webhook");
    assert_eq!(replica.evict("p1").await.code(), StatusCode::BAD_REQUEST);
    let starting = pod_with("p1", json!({ "status": { "phase": "Pending" } }));
    replica
        .pods
        .apply(serde_json::from_value(starting).unwrap());
    put(&server, &pod("p1"));
    assert!(!replica.evict("p1").await.is_allowed(), "it serves by now");
    replica.look();
    let key = ObjectKey::new(NAMESPACE, "p1");
    server.change("kubelet", PODS, &key, |pod| {
        pod["status"]["conditions"] = json!([]);
    });
    assert!(replica.evict("p1").await.is_allowed(), "it serves no more");
    server
        .faults()
        .set(vec![Rule::new(Fault::Internal, 1000).verbs(&["get"])]);
    assert_eq!(replica.evict("p1").await.code(), StatusCode::BAD_REQUEST);
}

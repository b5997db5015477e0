//! Several who spend at once, and what a replica does that sees less than the API server has.

use http::StatusCode;
use kruise_api::{policy::v1beta1::PODUNAVAILABLEBUDGETS, resource::ObjectKey};
use kruise_testkit::server::{Fault, Rule};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    objects::{NAMESPACE, budget, pod, pod_with, used_up, with},
    replica::{Replica, USER, allowed, before, booked, put, server},
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

/// PB-38.3, DV-PB9: the index may be late, and the API server knows.
#[tokio::test(start_paused = true)]
async fn a_budget_that_the_index_lacks_is_asked_for() {
    let server = server(&[pod("p1")]);
    let replica = Replica::new(&server, "pub-webhook");
    let reads = || {
        server
            .requests()
            .into_iter()
            .filter(|it| it.verb == "get")
            .count()
    };
    for _ in 0..3 {
        assert!(replica.delete(&pod("p1")).await.is_allowed());
    }
    assert_eq!(reads(), 1, "remembered for a second");
    put(&server, &used_up(json!({})));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!replica.delete(&pod("p1")).await.is_allowed());
    server
        .faults()
        .set(vec![Rule::new(Fault::Internal, 1000).verbs(&["get"])]);
    let error = replica.delete(&pod("p1")).await;
    assert_eq!(error.code(), StatusCode::BAD_REQUEST);
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

/// PB-36, DV-PB9
#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_asked_for_where_the_index_would_let_it_go() {
    let server = server(&[used_up(json!({}))]);
    let replica = Replica::new(&server, "pub-webhook");
    assert_eq!(replica.evict("p1").await.code(), StatusCode::BAD_REQUEST);
    let starting = pod_with("p1", json!({ "status": { "phase": "Pending" } }));
    replica
        .pods
        .apply(serde_json::from_value(starting).unwrap());
    put(&server, &pod("p1"));
    assert!(!replica.evict("p1").await.is_allowed(), "it serves by now");
    server
        .faults()
        .set(vec![Rule::new(Fault::Internal, 1000).verbs(&["get"])]);
    assert_eq!(replica.evict("p1").await.code(), StatusCode::BAD_REQUEST);
}

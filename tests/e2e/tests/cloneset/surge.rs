//! Roll-outs that make a pod first.

use std::collections::BTreeSet;

use e2e::{
    Namespace, daemon, eventually,
    namespace::{PATIENCE, in_place, label, name_of},
    pods::{REVISION, SPECIFIED_DELETE, STATE, gated, is_ready, labelled},
    undisturbed,
    witness::{Diary, Witness},
};
use serde_json::json;

// CS-S14, CS-63, CS-18
#[tokio::test(flavor = "multi_thread")]
async fn with_surge_a_pod_goes_when_another_has_taken_its_place() {
    let _guard = undisturbed().await;
    let test = Namespace::create("surge").await;
    let terms = json!({ "maxUnavailable": 0, "maxSurge": 1 });
    test.create_clone_set("web", gated(3, terms)).await.unwrap();
    let old = test.n_pods(3).await;
    test.open(&old).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    let witness = Witness::start(test.pod_api()).await;
    let marked = Diary::start(test.pod_api(), |pod| {
        label(pod, SPECIFIED_DELETE).to_owned()
    })
    .await;

    test.relabel_template("web", "b").await;
    for n_new in 1..=3 {
        let new = test
            .pods_when("a pod is made first", |pods| {
                pods.len() == 4 && labelled(pods, "tier", "b").len() == n_new
            })
            .await;
        test.decided("web").await;
        let n_marked = marked.order_of("true").len();
        assert_eq!(
            n_marked,
            n_new - 1,
            "none goes before the new one is available"
        );
        test.n_pods(4).await;
        let unready = new.iter().find(|pod| !is_ready(pod)).unwrap();
        test.open(&[name_of(unready)]).await;
    }
    let set = test.rolled_out("web").await;
    assert_eq!(set["status"]["replicas"], 3);
    assert_eq!(labelled(&test.active_pods().await, "tier", "b").len(), 3);
    assert_eq!(witness.take_most_alive(), 4);
    let marked: BTreeSet<String> = marked.order_of("true").into_iter().collect();
    assert_eq!(marked.len(), 2, "the last one leaves by scaling in");
    assert!(marked.iter().all(|pod| old.contains(pod)), "{marked:?}");
    eventually("two events", PATIENCE, || async {
        let n_events = test.event_count("SuccessfulUpdatePodReCreate").await;
        (n_events == 2).then_some(()).ok_or(n_events)
    })
    .await;
}

// CS-S31, CS-94, CS-P13
#[tokio::test(flavor = "multi_thread")]
async fn paused_in_the_middle_of_a_surge_ends_what_runs_and_no_more() {
    let _guard = undisturbed().await;
    let test = Namespace::create("pausedsurge").await;
    let mut terms = in_place(json!(0));
    terms["maxSurge"] = json!(1);
    let mut spec = gated(3, terms);
    // An update of a pod is complete when the test says so.
    daemon::read_config(&mut spec);
    test.create_clone_set("web", spec).await.unwrap();
    let old = test.n_pods(3).await;
    test.open(&old).await;
    for pod in &old {
        test.report_environment(pod, daemon::V1).await;
    }
    test.rolled_out("web").await;
    let before = test.status("web", "updateRevision").await;

    test.set_config("web", "v2").await;
    let surge = test.n_pods(4).await;
    let surge: Vec<String> = surge.into_iter().filter(|pod| !old.contains(pod)).collect();
    test.open(&surge).await;
    let updating = test
        .pods_when("a pod is being updated", |pods| {
            labelled(pods, STATE, "Updating").len() == 1
        })
        .await;
    let updating = labelled(&updating, STATE, "Updating").pop_first().unwrap();
    test.patch_rolling_update("web", json!({ "paused": true }))
        .await;
    test.decided("web").await;
    test.pod_in_state(&updating, "Updating").await;
    assert_eq!(
        test.active_pods().await.len(),
        4,
        "nothing may be unavailable"
    );

    test.report_environment(&updating, daemon::V2).await;
    test.pod_in_state(&updating, "Normal").await;
    let left = test.n_pods(3).await;
    assert!(left.contains(&updating) && left.contains(&surge[0]));
    test.decided("web").await;
    assert_eq!(test.n_pods(3).await, left);
    let olds = labelled(
        &test.active_pods().await,
        REVISION,
        before.as_str().unwrap(),
    );
    assert_eq!(olds.len(), 1, "no more pods are updated");
    test.status_becomes("web", "availableReplicas", 3).await;
}

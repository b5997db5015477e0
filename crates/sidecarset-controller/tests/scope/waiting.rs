//! Pods that wait until a replica knows the SidecarSet.

use std::time::Duration;

use kruise_testkit::server::{Fault, Rule};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cluster::{REPLICAS, Start, set, story},
    narrowing::{SETTLED, SOON},
    widening::admitted,
};

const LATE: Duration = Duration::from_secs(2);

fn late_watch() -> Rule {
    let rule = Rule::new(Fault::EventsLate(LATE), 1000);
    rule.of(REPLICAS[1])
        .verbs(&["watch"])
        .plurals(&["sidecarsets"])
}

#[test]
fn a_replica_that_lags_behind_answers_when_it_has_caught_up() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        cluster.fail(vec![late_watch()]);
        cluster.set_answering(Some(0));
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.set_answering(Some(1));
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
        let began = Instant::now();
        cluster.pod("b", json!({ "app": "db" })).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(100));
    });
}

// The failure policy decides then.
#[test]
fn a_replica_that_can_not_know_gives_no_answer() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        cluster.create(set("logs", "web")).await.unwrap();
        let lists = Rule::new(Fault::Unavailable, 1000).verbs(&["list"]);
        cluster.fail(vec![lists.plurals(&["sidecarsets"])]);
        let refused = cluster.pod("a", json!({ "app": "web" })).await.unwrap_err();
        assert!(
            refused.to_string().contains("deadline exceeded"),
            "{refused}"
        );
        cluster.fail(vec![]);
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
    });
}

// A kind that is uninstalled right after an admission is no outage for its pods.
#[test]
fn where_sidecarsets_are_not_installed_no_pod_waits_for_them() {
    let without = Start {
        installs_sets: false,
        ..Start::default()
    };
    story(without, async |cluster| {
        cluster.run_for(SOON).await;
        let answer = admitted(&cluster.replica(0), set("logs", "web")).await;
        assert_eq!(answer["allowed"], true, "{answer}");
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some(""));
        assert_eq!(cluster.called("a"), ["/mutate-pod/fresh"]);
    });
}

// Two answers, the first by an index that may be older, would leave a canary beside its base.
#[test]
fn a_pod_that_waits_is_asked_about_once() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(cluster.called("a"), ["/mutate-pod/fresh"]);
        cluster.run_for(SETTLED).await;
        cluster.pod("b", json!({ "app": "web" })).await.unwrap();
        assert_eq!(cluster.called("b"), ["/mutate-pod"]);
    });
}

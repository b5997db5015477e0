//! A template that can't be read holds creations, and nothing else (7.3 of the specification).

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, reasons, seconds, world};

fn unreadable() -> Value {
    json!({ "template": { "spec": { "tolerations": "all" } } })
}

/// Three pods run, and then the template can't be read any more. A fourth node would be served.
fn running(spec: Value) -> World {
    let mut world = world(3, spec);
    world.settle();
    world.add_node("n4");
    world.change(unreadable());
    world
}

#[test]
fn it_is_told_once_and_nothing_is_created() {
    let mut world = running(json!({}));
    let before = (world.pods.clone(), world.status());
    for _ in 0..3 {
        assert_eq!(reasons(&world.reconcile()), ["InvalidSpec", "PodsNotEnded"]);
    }
    // How many nodes would be served is not known.
    assert_eq!((world.pods.clone(), world.status()), before);
    // It holds while the job is paused, too.
    world.change(json!({ "paused": true }));
    assert_eq!(reasons(&world.reconcile()), ["Paused", "InvalidSpec"]);
    world.change(json!({ "paused": false }));
    world.reconcile();
    assert_eq!(world.told("InvalidSpec"), 1);
    world.change(json!({ "template": { "spec": { "tolerations": null } } }));
    world.settle();
    assert_eq!(world.status(), "4 4 0 0 running");
}

// BJ-22, BJ-34, BJ-35
#[test]
fn the_deadline_passes_all_the_same() {
    let mut world = running(json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } }));
    world.pass(20);
    assert_eq!(world.reconcile().requeue_after, seconds(40));
    world.pass(40);
    world.reconcile();
    assert_eq!(world.served(), Vec::<String>::new());
    assert_eq!(world.status(), "3 0 0 3 failed");
    assert_eq!(world.told("DeadlineExceeded"), 1);
}

// BJ-22: the time of a job that could never be read runs, too.
#[test]
fn the_deadline_of_a_job_without_pods_passes() {
    let mut world = world(
        1,
        json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } }),
    );
    world.change(unreadable());
    world.reconcile();
    assert_eq!(world.status(), "0 0 0 0 running");
    world.pass(60);
    world.reconcile();
    assert_eq!(world.status(), "0 0 0 0 failed");
}

// BJ-33, BJ-35
#[rstest]
#[case::fails_fast("FailFast", "3 0 0 3 failed", "failed pod is found", &["n1"])]
#[case::pauses("Pause", "3 2 0 1 paused", "Paused", &["n1", "n2", "n3"])]
#[case::goes_on("Continue", "3 2 0 1 running", "InvalidSpec", &["n1", "n2", "n3"])]
fn the_failure_policy_acts(
    #[case] policy: &str,
    #[case] status: &str,
    #[case] told: &str,
    #[case] served: &[&str],
) {
    let mut world = running(json!({ "failurePolicy": { "type": policy } }));
    world.end("n1", "Failed");
    world.reconcile();
    assert_eq!(world.status(), status);
    assert!(world.told(told) > 0, "{:?}", world.events);
    assert_eq!(world.served(), served);
}

// BJ-31, BJ-32
#[test]
fn the_job_pauses_and_goes_on() {
    let mut world = running(json!({}));
    world.change(json!({ "paused": true }));
    world.reconcile();
    assert_eq!(world.status(), "3 3 0 0 paused");
    world.change(json!({ "paused": false }));
    world.reconcile();
    assert_eq!(world.status(), "3 3 0 0 running");
    assert_eq!(world.told("Continue"), 1);
}

// BJ-41
#[test]
fn a_pod_that_fits_no_more_is_stopped() {
    let mut world = running(json!({}));
    world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    assert_eq!(world.served(), ["n1", "n3"]);
}

// BJ-45: nobody knows whether a node waits.
#[test]
fn the_job_does_not_complete() {
    let mut world = running(json!({}));
    world.nodes.remove("n4");
    world.succeed(&["n1", "n2", "n3"]);
    let plan = world.settle();
    assert_eq!(world.status(), "3 0 3 0 running");
    assert_eq!(reasons(&plan), ["InvalidSpec"]);
    world.change(json!({ "template": { "spec": { "tolerations": null } } }));
    world.reconcile();
    assert_eq!(world.status(), "3 0 3 0 completed");
}

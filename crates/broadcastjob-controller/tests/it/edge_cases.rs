//! The acceptance scenarios of docs/spec/broadcastjob.md for edge cases, in their order.

use rstest::rstest;
use serde_json::json;

use crate::world::{batches, reasons, seconds, world};

fn failed() -> (String, String) {
    ("Failed".to_owned(), "Failed".to_owned())
}

// BJ-S19, BJ-52, DV-BJ6
#[test]
fn a_quota_ends_the_creation() {
    let mut world = world(7, json!({}));
    world.quota = Some(2);
    let plan = world.reconcile();
    assert_eq!(batches(&plan), [1, 2, 4]);
    // Of the second batch one was created; the third was left.
    assert_eq!(
        (world.told("SuccessfulCreate"), world.told("FailedCreate")),
        (2, 1)
    );
    assert!(world.failed);
    assert_eq!(world.status(), "7 2 0 0 running");
    world.quota = None;
    world.settle();
    assert_eq!(world.status(), "7 7 0 0 running");
}

// BJ-S20, BJ-41, BJ-55, BJ-56
#[test]
fn a_pod_that_fits_no_more_is_stopped() {
    let mut world = world(3, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    world.taint("n2", "node.kubernetes.io/not-ready", "NoSchedule");
    world.reconcile();
    assert_eq!(world.status(), "2 2 0 1 running");
    // Nothing is decided before it is gone.
    let plan = world.reconcile();
    assert_eq!(reasons(&plan), ["PodsTerminating"]);
    assert_eq!(plan.requeue_after, seconds(40));
    assert_eq!(world.status(), "2 2 0 1 running");
    world.reap();
    world.settle();
    assert_eq!(world.status(), "2 2 0 0 running");
    world.change_node("n2", json!({ "spec": { "taints": null } }));
    world.settle();
    assert_eq!(world.status(), "3 3 0 0 running");
}

// BJ-S21, BJ-43
#[rstest]
#[case::selector(json!({ "nodeSelector": { "zone": "a" } }), 2)]
#[case::affinity(json!({ "affinity": { "nodeAffinity": {
    "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
        { "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] },
    ] },
} } }), 3)]
fn a_node_that_loses_a_label(#[case] spec: serde_json::Value, #[case] n_left: usize) {
    let mut world = world(3, json!({ "template": { "spec": spec } }));
    world.settle();
    assert_eq!(world.served().len(), 3);
    world.change_node("n3", json!({ "metadata": { "labels": { "zone": null } } }));
    world.settle();
    assert_eq!(world.served().len(), n_left);
}

// BJ-S22, BJ-45
#[test]
fn a_pod_that_somebody_deletes_counts_as_done() {
    let mut world = world(3, json!({}));
    world.settle();
    world.succeed(&["n1", "n2"]);
    let last = world.pod_on("n3").unwrap();
    world.terminate(&last);
    world.reconcile();
    assert_eq!(world.status(), "3 0 2 0 completed");
}

// BJ-S23, BJ-24
#[test]
fn two_pods_of_one_node_are_told_and_left() {
    let mut world = world(2, json!({}));
    world.settle();
    let mut twin = world.pod("n1").clone();
    twin["metadata"]["name"] = json!("twin");
    twin["metadata"]["uid"] = json!("twin");
    world.pods.insert("twin".to_owned(), twin);
    world.settle();
    assert_eq!(
        (
            world.told("DuplicatePodCreatedOnSameNode"),
            world.told("SuccessfulDelete")
        ),
        (1, 0)
    );
    assert_eq!(world.status(), "2 3 0 0 running");
}

// BJ-S24, BJ-45
#[test]
fn a_job_that_no_node_fits_waits() {
    let mut world = world(
        1,
        json!({ "template": { "spec": { "nodeSelector": { "disk": "ssd" } } } }),
    );
    let plan = world.settle();
    assert_eq!(world.status(), "0 0 0 0 running");
    assert_eq!(reasons(&plan), ["NoNodeFits"]);
    world.change_node("n1", json!({ "metadata": { "labels": { "disk": "ssd" } } }));
    world.settle();
    assert_eq!(world.status(), "1 1 0 0 running");
}

// BJ-S25, BJ-22, DV-BJ2
#[test]
fn the_deadline_outlives_the_process() {
    let mut world = world(
        1,
        json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } }),
    );
    world.settle();
    world.pass(20);
    world.restart_controller();
    assert_eq!(world.reconcile().requeue_after, seconds(40));
    world.pass(40);
    world.reconcile();
    assert_eq!(world.status(), "1 0 0 1 failed");
}

// BJ-S26, BJ-35, DV-BJ4
#[test]
fn a_job_has_failed_when_all_its_pods_are_stopped() {
    let mut world = world(3, json!({}));
    world.settle();
    world.end("n1", "Failed");
    world.held = world.pod_on("n3");
    world.reconcile();
    assert!(world.failed);
    assert_eq!(world.status(), "3 1 0 2 running");
    assert_eq!(
        (world.conditions(), world.told("failed pod is found")),
        (vec![], 1)
    );
    world.reap();
    world.reconcile();
    assert_eq!(
        (world.conditions(), world.told("failed pod is found")),
        (vec![], 1)
    );
    world.held = None;
    world.reconcile();
    assert_eq!(world.conditions(), [failed()]);
    assert_eq!(world.told("failed pod is found"), 2);
    assert!(!world.failed);
}

// BJ-S27, BJ-35
#[test]
fn a_pod_over_its_restart_limit_goes_on() {
    let spec = json!({ "template": { "spec": { "restartPolicy": "OnFailure" } } });
    let mut world = world(3, spec);
    world.settle();
    world.restart("n1", &[1]);
    world.reconcile();
    assert_eq!(world.served(), ["n1"]);
    assert_eq!(world.status(), "3 0 0 3 failed");
}

// BJ-S30, BJ-3
#[test]
fn pods_that_are_made_later_have_the_new_template() {
    let mut world = world(2, json!({ "parallelism": 1 }));
    world.settle();
    let before = world.pod("n1").clone();
    let containers = json!([{ "name": "scan", "image": "acme/scan:2" }]);
    world.change(json!({ "template": { "spec": { "containers": containers } } }));
    world.settle();
    assert_eq!(*world.pod("n1"), before);
    world.succeed(&["n1"]);
    world.settle();
    assert_eq!(
        world.pod("n2")["spec"]["containers"][0]["image"],
        "acme/scan:2"
    );
}

// BJ-S31, BJ-63
#[test]
fn nothing_is_created_for_a_job_that_is_being_deleted() {
    let mut world = world(2, json!({}));
    world.settle();
    world.job["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
    world.add_node("n3");
    world.settle();
    assert_eq!(world.served(), ["n1", "n2"]);
    assert_eq!(world.status(), "3 2 0 0 running");
}

// BJ-63: stopping, failing and completing go on.
#[test]
fn a_job_that_is_being_deleted_stops_unfit_pods_and_ends() {
    let mut world = world(2, json!({}));
    world.settle();
    world.job["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
    world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    assert_eq!(world.served(), ["n1"]);
    world.reap();
    world.succeed(&["n1"]);
    world.settle();
    assert_eq!(world.status(), "1 0 1 0 completed");
}

// BJ-S33, BJ-41, DV-BJ5
#[test]
fn a_pod_that_has_ended_stays_on_a_node_that_fits_no_more() {
    let mut world = world(2, json!({}));
    world.settle();
    world.succeed(&["n2"]);
    let ended = world.pod("n2").clone();
    world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
    world.settle();
    assert_eq!(world.status(), "2 1 1 0 running");
    world.change_node("n2", json!({ "spec": { "unschedulable": false } }));
    world.settle();
    assert_eq!(*world.pod("n2"), ended);
    assert_eq!(world.served(), ["n1", "n2"]);
}

// BJ-S29, BJ-8, BJ-50
#[test]
fn with_a_parallelism_that_is_no_number_nothing_is_created() {
    let mut world = world(2, json!({ "parallelism": "abc" }));
    let plan = world.settle();
    assert_eq!(world.pods.len(), 0);
    assert_eq!(world.status(), "2 0 0 0 running");
    assert_eq!(reasons(&plan), ["InvalidSpec"]);
    assert_eq!(world.told("InvalidSpec"), 1);
}

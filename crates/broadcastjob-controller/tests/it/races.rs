//! What happens between the look and the writes: each write is for the object that was looked at.

use serde_json::json;

use crate::world::{World, world};

/// Two pods run, and that of n2 is to be stopped.
fn with_an_unfit_pod() -> World {
    let mut world = world(2, json!({}));
    world.settle();
    world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
    world
}

// BJ-55, DV-D1, DV-BJ4
#[test]
fn a_pod_that_was_made_anew_under_its_name_is_not_stopped() {
    let mut world = with_an_unfit_pod();
    world.reconcile_though(|world| {
        world.pod("n2")["metadata"]["uid"] = json!("another");
    });
    assert!(world.failed);
    assert_eq!(world.served(), ["n1", "n2"]);
    assert_eq!(world.told("SuccessfulDelete"), 0);
    assert_eq!(world.status(), "1 2 0 0 running");
    // The next pass knows the other one.
    world.reconcile();
    assert_eq!(world.served(), ["n1"]);
}

// BJ-35, DV-BJ4
#[test]
fn a_job_does_not_end_while_an_active_pod_was_made_anew() {
    let mut world = world(2, json!({}));
    world.settle();
    world.end("n1", "Failed");
    world.reconcile_though(|world| {
        world.pod("n2")["metadata"]["uid"] = json!("another");
    });
    assert_eq!(world.conditions(), []);
    world.reconcile();
    assert_eq!(world.conditions().len(), 1);
}

// BJ-55
#[test]
fn a_pod_that_is_gone_need_not_be_stopped() {
    let mut world = with_an_unfit_pod();
    world.reconcile_though(|world| world.delete_pod_on("n2"));
    assert!(!world.failed);
    assert_eq!(world.told("SuccessfulDelete"), 0);
    world.reconcile();
    assert_eq!(world.status(), "1 1 0 0 running");
}

// BJ-65
#[test]
fn the_status_is_not_written_to_another_job_of_the_name() {
    let mut world = world(2, json!({}));
    world.reconcile_though(|world| world.job["metadata"]["uid"] = json!("another"));
    assert!(world.failed);
    assert_eq!(
        (world.status_writes, &world.job["status"]),
        (0, &json!(null))
    );
}

// BJ-65, DV-BJ7
#[test]
fn the_status_is_written_to_a_job_that_was_changed_meanwhile() {
    let mut world = world(2, json!({}));
    world.reconcile_though(|world| world.change(json!({ "paused": true })));
    assert!(!world.failed);
    assert_eq!(world.status(), "2 2 0 0 running");
}

// BJ-61
#[test]
fn a_job_whose_time_to_live_is_taken_away_meanwhile_stays() {
    let ttl = json!({ "completionPolicy": { "ttlSecondsAfterFinished": 30 } });
    let mut world = world(1, ttl);
    world.settle();
    world.succeed(&["n1"]);
    world.settle();
    world.pass(60);
    world.reconcile_though(|world| world.change(json!({ "completionPolicy": null })));
    assert!(world.failed && !world.is_deleted);
    world.reconcile();
    assert!(!world.failed && !world.is_deleted);
}

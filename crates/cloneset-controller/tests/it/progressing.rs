//! Condition Progressing: its words, and when an exceeded deadline ends (CS-118 to CS-122, DV-CS8).

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, in_place, settled, spec};

fn progressing(world: &World) -> Value {
    world.condition("Progressing").unwrap_or_default()
}

fn reason(world: &World) -> String {
    progressing(world)["reason"].as_str().unwrap().to_owned()
}

fn rolling_update(world: &mut World, patch: Value) {
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": patch } } }));
}

/// Available, with a deadline of a minute.
fn with_deadline(replicas: i32) -> World {
    let mut world = settled(replicas, in_place(json!(1)));
    world.change(json!({ "spec": { "progressDeadlineSeconds": 60 } }));
    world.settle();
    world
}

/// A roll-out that stands still for longer than the deadline.
fn exceeded(replicas: i32) -> World {
    let mut world = with_deadline(replicas);
    world.set_image("acme/app:bad");
    world.settle();
    pass_deadline(&mut world);
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
    world
}

fn pass_deadline(world: &mut World) {
    world.pass(SignedDuration::from_secs(61));
    world.settle();
}

// CS-120: clients compare the words.
#[test]
fn each_reason_has_its_words() {
    let mut world = with_deadline(2);
    let told = |world: &World| {
        let condition = progressing(world);
        (condition["reason"].clone(), condition["message"].clone())
    };
    let is = |reason: &str, message: &str| (json!(reason), json!(message));
    assert_eq!(
        told(&world),
        is("CloneSetAvailable", "CloneSet is available")
    );
    world.set_image("acme/app:2");
    world.reconcile();
    assert_eq!(
        told(&world),
        is("CloneSetUpdated", "CloneSet is progressing")
    );
    rolling_update(&mut world, json!({ "paused": true }));
    world.reconcile();
    assert_eq!(told(&world), is("CloneSetPaused", "CloneSet is paused"));
    rolling_update(&mut world, json!({ "paused": false, "partition": 1 }));
    world.settle();
    assert_eq!(
        told(&world),
        is(
            "ProgressPartitionAvailable",
            "CloneSet has been paused due to partition ready"
        )
    );
    rolling_update(&mut world, json!({ "partition": 0 }));
    world.set_image("acme/app:bad");
    world.settle();
    pass_deadline(&mut world);
    let revision = world.status("updateRevision");
    let words = format!(
        "CloneSet revision {} has timed out progressing",
        revision.as_str().unwrap()
    );
    assert_eq!(told(&world), is("ProgressDeadlineExceeded", &words));
}

// CS-118: an earlier version of ours wrote no message.
#[test]
fn a_condition_without_words_gets_them_once_and_keeps_its_times() {
    let mut world = with_deadline(1);
    let before = progressing(&world);
    for condition in world.edit_set()["status"]["conditions"]
        .as_array_mut()
        .unwrap()
    {
        condition.as_object_mut().unwrap().remove("message");
    }
    world.pass(SignedDuration::from_secs(5));
    world.reconcile();
    assert_eq!(progressing(&world), before);
    assert_eq!(world.reconcile().status, None);
}

// DV-CS8: one more pod is updated, and the deadline stays exceeded.
#[test]
fn progress_of_the_same_revision_does_not_end_an_exceeded_deadline() {
    let mut world = exceeded(3);
    let times = progressing(&world)["lastUpdateTime"].clone();
    rolling_update(&mut world, json!({ "maxUnavailable": 2 }));
    let before = world.status("updatedReplicas");
    world.settle();
    assert_ne!(world.status("updatedReplicas"), before);
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
    assert_eq!(progressing(&world)["lastUpdateTime"], times);
    assert_eq!(progressing(&world)["status"], "False");
}

// CS-120: case 1 ends it although it was slow.
#[test]
fn a_slow_roll_out_that_ends_is_available() {
    let mut world = with_deadline(2);
    world.set_image("acme/app:2");
    world.reconcile();
    world.reconcile();
    world.pass(SignedDuration::from_secs(61));
    world.reconcile();
    world.pass(SignedDuration::from_secs(61));
    world.reconcile();
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
    world.settle();
    assert_eq!(reason(&world), "CloneSetAvailable");
}

// DV-CS8, CS-120: what ends it, and with which reason.
#[rstest]
#[case::a_new_revision(json!({}), Some("acme/app:worse:bad"), "CloneSetUpdated")]
#[case::a_pause(json!({ "paused": true }), None, "CloneSetPaused")]
#[case::a_partition_that_is_there(json!({ "partition": "100%" }), None, "ProgressPartitionAvailable")]
fn an_exceeded_deadline_ends(
    #[case] patch: Value,
    #[case] image: Option<&str>,
    #[case] wanted: &str,
) {
    let mut world = exceeded(3);
    rolling_update(&mut world, patch);
    if let Some(image) = image {
        world.set_image(image);
    }
    world.settle();
    assert_eq!(reason(&world), wanted);
    let since = progressing(&world)["lastUpdateTime"].clone();
    assert_ne!(since, Value::Null);
}

// DV-CS8: after a pause the deadline runs anew, and can be exceeded anew.
#[test]
fn a_resume_starts_the_clock_again() {
    let mut world = exceeded(3);
    rolling_update(&mut world, json!({ "paused": true }));
    world.settle();
    world.pass(SignedDuration::from_secs(600));
    rolling_update(&mut world, json!({ "paused": false }));
    world.settle();
    assert_eq!(reason(&world), "CloneSetUpdated");
    pass_deadline(&mut world);
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
}

// DV-CS8
#[test]
fn a_scale_out_from_the_settled_state_starts_the_clock_again() {
    let mut world = with_deadline(1);
    world.pass(SignedDuration::from_secs(600));
    world.change(json!({ "spec": { "replicas": 2 } }));
    world.reconcile();
    world.reconcile();
    assert_eq!(reason(&world), "CloneSetUpdated");
    world.pass(SignedDuration::from_secs(61));
    world.reconcile();
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
}

// CS-119: what fails says what it was.
#[test]
fn a_failure_has_words() {
    let mut world = World::new(spec(1, json!({})));
    world.policy.refuses_pods = true;
    for _ in 0..3 {
        world.reconcile();
    }
    // A failure alone is no reason to write.
    world.change(json!({ "spec": { "minReadySeconds": 1 } }));
    world.reconcile();
    let failed = world.condition("FailedScale").unwrap();
    assert!(failed["message"].as_str().unwrap().contains("quota"));
}

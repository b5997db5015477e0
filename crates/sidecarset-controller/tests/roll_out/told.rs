//! What people are told of a SidecarSet that waits: an event, since it has no conditions (decision 1).

use serde_json::json;

use crate::world::{agent, world};

const PAUSED: &str = "Normal Waiting: spec.updateStrategy.paused is true";

#[test]
fn a_reason_is_told_once_it_has_lasted() {
    let mut world = world(1, json!({ "updateStrategy": { "paused": true } }));
    world.change(json!({ "containers": agent("agent:2") }));
    let plan = world.settle();
    assert_eq!(world.told("Waiting"), Vec::<&str>::new());
    assert_eq!(plan.notes.look_again.unwrap().as_secs(), 10);
    world.pass(10);
    world.reconcile();
    assert_eq!(world.told("Waiting"), [PAUSED]);
    world.pass(600);
    world.reconcile();
    assert_eq!(world.told("Waiting").len(), 1);
    // Over, and again.
    world.change(json!({ "containers": agent("agent:1") }));
    world.settle();
    world.change(json!({ "containers": agent("agent:2") }));
    world.settle();
    world.pass(10);
    world.reconcile();
    assert_eq!(world.told("Waiting"), [PAUSED; 2]);
}

#[test]
fn a_reason_that_passes_by_itself_is_not_told() {
    let mut world = world(4, json!({}));
    world.change(json!({ "containers": agent("agent:2") }));
    for _ in 0..4 {
        world.settle();
        world.pass(6);
        world.run_all();
    }
    world.settle();
    assert_eq!(world.counts(), "4 4 4 4");
    assert_eq!(world.told("Waiting"), Vec::<&str>::new());
}

#[test]
fn what_a_person_has_to_correct_is_told_at_once() {
    let mut world = world(1, json!({ "updateStrategy": { "maxUnavailable": "5" } }));
    world.change(json!({ "containers": agent("agent:2") }));
    world.settle();
    let told = world.told("Waiting");
    assert!(
        told[0].starts_with("Normal Waiting: spec.updateStrategy.maxUnavailable: "),
        "{told:?}"
    );
}

// Each pod that is waited for is another reason, in other words.
#[test]
fn the_pod_that_is_waited_for_is_named() {
    let mut world = world(2, json!({}));
    world.change(json!({ "containers": agent("agent:2") }));
    world.settle();
    world.pass(10);
    world.reconcile();
    let told = world.told("Waiting");
    let words = "Normal Waiting: spec.updateStrategy.maxUnavailable is used up; pod shop/web-0: its sidecars do not run their new images yet";
    assert_eq!(told, [words]);
}

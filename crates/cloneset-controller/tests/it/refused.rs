//! Writes that the API server refuses, by a policy say: they must neither take pods out of service again and
//! again, nor be sent without end.

use jiff::SignedDuration;
use serde_json::json;

use crate::world::{World, in_place, reasons, settled};

/// Reconciles for so many seconds, as often as plans ask for it and something happens.
fn run_for(world: &mut World, seconds: i64) {
    let end = world.now() + SignedDuration::from_secs(seconds);
    while world.now() < end {
        let plan = world.reconcile();
        let worked = world.kubelets();
        let idle = plan.steps.is_empty() && !worked;
        let wait = plan.requeue_after.filter(|_| idle);
        let wait = wait.map_or(SignedDuration::from_millis(200), |wait| {
            SignedDuration::try_from(wait).unwrap()
        });
        world.pass(wait.min(end.duration_since(world.now())));
    }
}

/// How often pods were taken out of service.
fn times_out_of_service(world: &World) -> usize {
    let out = |line: &&String| line.contains("StartInPlaceUpdate");
    world.story().iter().filter(out).count()
}

fn waiting(world: &World) -> String {
    let waiting = world.condition("Waiting").expect("told");
    waiting["reason"].as_str().unwrap().to_owned()
}

// CS-89, CS-25, DV-IP15, DV-CS19
#[test]
fn a_policy_against_the_new_image_takes_no_pod_out_of_service() {
    let mut world = settled(10, in_place(json!("50%")));
    world.policy.refuses = Some("acme/app:2");
    world.set_image("acme/app:2");
    run_for(&mut world, 60);
    assert_eq!(times_out_of_service(&world), 0);
    assert!(world.refused_writes() <= 8, "{}", world.refused_writes());
    assert_eq!(waiting(&world), "UpdateRefused");
    let message = &world.condition("Waiting").unwrap()["message"];
    assert!(message.as_str().unwrap().ends_with(": denied"), "{message}");
    assert!(world.condition("FailedUpdate").is_some());

    world.policy.refuses = None;
    run_for(&mut world, 30);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(10));
    assert!(reasons(&world.settle()).is_empty());
    assert!(world.condition("Waiting").is_none());
}

// The policy comes while pods are updated: one has left service by then, once.
#[test]
fn a_policy_that_comes_in_a_roll_out_takes_one_pod_out_of_service() {
    let mut world = settled(10, in_place(json!(2)));
    world.set_image("acme/app:2");
    while times_out_of_service(&world) == 0 {
        world.reconcile();
    }
    let before = times_out_of_service(&world);
    world.policy.refuses = Some("acme/app:2");
    run_for(&mut world, 120);
    assert!(times_out_of_service(&world) <= before + 1);
    assert_eq!(world.status("availableReplicas"), json!(10));
    assert_eq!(waiting(&world), "UpdateRefused");
}

// A hook that takes pods out of service does so only for an update that is let.
#[test]
fn a_hook_holds_no_pod_for_an_update_that_is_refused() {
    let mut world = settled(3, in_place(json!("100%")));
    let hook = json!({ "labelsHandler": { "hold": "yes" }, "markPodNotReady": true });
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["labels"]["hold"] = json!("yes");
    }
    let mut template = crate::world::template("acme/app:2");
    template["metadata"]["labels"]["hold"] = json!("yes");
    world.policy.refuses = Some("acme/app:2");
    world.change(
        json!({ "spec": { "lifecycle": { "inPlaceUpdate": hook }, "template": template } }),
    );
    run_for(&mut world, 60);
    assert_eq!(world.status("availableReplicas"), json!(3));
    assert_eq!(waiting(&world), "UpdateRefused");
}

// CS-91, DV-CS19
#[test]
fn a_refused_mark_is_tried_less_and_less_often() {
    let mut world = settled(5, json!({ "maxUnavailable": "100%" }));
    world.policy.refuses = Some("specified-delete");
    world.set_image("acme/app:2");
    run_for(&mut world, 60);
    assert!(world.refused_writes() <= 8, "{}", world.refused_writes());
    assert_eq!(waiting(&world), "UpdateRefused");
    world.policy.refuses = None;
    run_for(&mut world, 30);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(5));
}

// CS-62, CS-25, DV-CS19
#[test]
fn a_refused_deletion_is_tried_less_and_less_often() {
    let mut world = settled(5, json!({}));
    world.policy.refuses_deletions = true;
    world.change(json!({ "spec": { "replicas": 2 } }));
    run_for(&mut world, 60);
    assert!(world.refused_writes() <= 8, "{}", world.refused_writes());
    assert_eq!(world.pods.len(), 5);
    assert_eq!(waiting(&world), "DeletionRefused");
    // Wanted again, they are left in peace at once.
    world.change(json!({ "spec": { "replicas": 5 } }));
    assert!(reasons(&world.settle()).is_empty());
    world.change(json!({ "spec": { "replicas": 2 } }));
    run_for(&mut world, 60);
    world.policy.refuses_deletions = false;
    run_for(&mut world, 30);
    assert_eq!(world.pods.len(), 2);
}

// CS-79, DV-CS19: new pods get ready although one can't be patched.
#[test]
fn a_refused_patch_holds_its_pod_and_no_other() {
    let mut world = settled(3, in_place(json!(1)));
    let first = world.pods.keys().next().unwrap();
    world.pods.get_mut(&first).unwrap()["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("pod-template-hash");
    world.policy.refuses_changes_of = Some(first);
    world.change(json!({ "spec": { "replicas": 5 } }));
    run_for(&mut world, 60);
    assert_eq!(world.status("availableReplicas"), json!(5));
    assert!(world.refused_writes() <= 8, "{}", world.refused_writes());
    assert_eq!(waiting(&world), "UpdateRefused");
    world.policy.refuses_changes_of = None;
    run_for(&mut world, 30);
    assert!(reasons(&world.settle()).is_empty());
}

// CS-62, CS-91, DV-CS19: a freeze refuses both to delete a pod and to change it.
#[test]
fn what_is_refused_of_one_pod_in_two_ways_is_tried_less_and_less_often_in_both() {
    let mut world = settled(5, json!({ "maxUnavailable": "100%" }));
    world.policy.refuses = Some("specified-delete");
    world.policy.refuses_deletions = true;
    world.set_image("acme/app:2");
    world.change(json!({ "spec": { "replicas": 2 } }));
    run_for(&mut world, 60);
    assert!(world.refused_writes() <= 16, "{}", world.refused_writes());
    assert_eq!(world.status("availableReplicas"), json!(5));
    assert!(world.condition("Waiting").is_some());
    world.policy.refuses = None;
    world.policy.refuses_deletions = false;
    run_for(&mut world, 60);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(2));
    assert_eq!(world.pods.len(), 2);
}

// DV-CS19: nobody asks any more, and nothing else happens.
#[test]
fn a_refusal_that_nobody_asks_about_any_more_is_not_told_for_good() {
    let mut world = settled(3, json!({ "maxUnavailable": "100%" }));
    let first = world.pods.keys().next().unwrap();
    let label = "apps.kruise.io/specified-delete";
    world.policy.refuses_deletions = true;
    world.pods.get_mut(&first).unwrap()["metadata"]["labels"][label] = json!("true");
    run_for(&mut world, 30);
    assert_eq!(waiting(&world), "DeletionRefused");
    world.pods.get_mut(&first).unwrap()["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove(label);
    // Looked at only when a plan asks for it.
    for _ in 0..20 {
        let Some(wait) = world.reconcile().requeue_after else {
            break;
        };
        world.pass(SignedDuration::try_from(wait).unwrap());
    }
    assert!(world.condition("Waiting").is_none());
}

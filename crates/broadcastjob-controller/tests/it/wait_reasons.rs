//! A plan that holds back says why, in words that do not change by themselves.

use kruise_plan::WaitReason;
use serde_json::json;

use crate::world::{reasons, world};

#[test]
fn a_pod_that_runs_is_named_with_its_node() {
    let mut world = world(1, json!({}));
    let plan = world.settle();
    let pod = world.pod_on("n1").unwrap();
    let why = "the kubelet of node n1".to_owned();
    assert!(
        matches!(&plan.waiting_on[..], [WaitReason::PodsNotEnded { pod: named, .. }] if *named == pod)
    );
    let told = plan.waiting_on[0].to_string();
    assert!(!told.contains(&why), "{told}");
    assert_eq!(told, format!("pod {pod} has not ended: it runs on node n1"));
}

#[test]
fn a_container_that_can_not_start_is_named() {
    let mut world = world(1, json!({}));
    world.settle();
    world.pod("n1")["status"] = json!({ "phase": "Pending", "containerStatuses": [
        { "name": "scan", "state": { "waiting": { "reason": "ErrImagePull" } } },
    ] });
    let plan = world.reconcile();
    assert!(
        plan.waiting_on[0]
            .to_string()
            .ends_with("container scan: ImagePullBackOff")
    );
}

// That it is gone may have been missed: what a job waits for is looked at (found by `cargo xtask sim`).
#[test]
fn a_pod_that_others_deleted_is_named_until_it_is_gone() {
    let mut world = world(1, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    let pod = world.pod_on("n1").unwrap();
    world.pod("n1")["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    let plan = world.reconcile();
    assert_eq!(plan.waiting_on, [WaitReason::PodsTerminating { pod }]);
}

#[test]
fn nothing_is_asked_for_in_a_namespace_that_goes() {
    let mut world = world(2, json!({}));
    world.memory.namespace_terminates = true;
    let plan = world.reconcile();
    assert_eq!(reasons(&plan), ["NamespaceTerminating"]);
    assert_eq!((world.pods.len(), world.status_writes), (0, 0));
    assert!(world.memory.namespace_terminates);
}

// A settled object is never written.
#[test]
fn a_job_that_waits_is_not_written() {
    let mut world = world(3, json!({ "parallelism": 1 }));
    world.settle();
    let writes = world.status_writes;
    for _ in 0..5 {
        world.pass(60);
        world.reconcile();
    }
    assert_eq!(world.status_writes, writes);
}

// BJ-65: one write a pass, for what many pods did.
#[test]
fn the_status_is_written_once_a_pass() {
    let mut world = world(20, json!({}));
    world.reconcile();
    assert_eq!(world.status_writes, 1);
}

//! Nodes that come, go and change: who is woken, and what becomes of pods there.

use std::sync::Arc;

use broadcastjob_controller::{snapshot::StoredJob, wake};
use kruise_api::read::Node;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, batches, node, reasons, seconds, world};

fn job(name: &str, spec: Value) -> Arc<StoredJob> {
    let mut template = crate::world::template();
    json_patch::merge(&mut template["spec"], &spec);
    let job = json!({
        "metadata": { "name": name, "namespace": "ns", "uid": name }, "spec": { "template": template },
    });
    Arc::new(serde_json::from_str(&job.to_string()).unwrap())
}

fn jobs() -> Vec<Arc<StoredJob>> {
    vec![
        job("any", json!({})),
        job("in-a", json!({ "nodeSelector": { "zone": "a" } })),
        job("in-b", json!({ "nodeSelector": { "zone": "b" } })),
        job(
            "tolerant",
            json!({ "tolerations": [{ "operator": "Exists" }] }),
        ),
        // What the template names is ignored (BJ-42).
        job("elsewhere", json!({ "nodeName": "n9" })),
        job("unreadable", json!({ "tolerations": 1 })),
    ]
}

fn changed(change: Value) -> Node {
    let mut node = node();
    node["metadata"]["name"] = json!("n1");
    json_patch::merge(&mut node, &change);
    serde_json::from_value(node).unwrap()
}

fn woken(old: Option<&Node>, new: Option<&Node>) -> Vec<String> {
    let keys = wake::by_node(&jobs(), old, new);
    keys.into_iter().map(|key| key.name).collect()
}

// BJ-70
#[rstest]
#[case::joins(None, Some(json!({})), &["any", "in-a", "tolerant", "elsewhere"])]
#[case::joins_tainted(None, Some(json!({ "spec": { "taints": [{ "key": "k", "effect": "NoExecute" }] } })),
    &["tolerant"])]
#[case::goes(Some(json!({})), None, &[])]
#[case::is_tainted(Some(json!({})), Some(json!({ "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] } })),
    &["any", "in-a", "elsewhere"])]
// BJ-P3
#[case::loses_a_taint(Some(json!({ "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] } })),
    Some(json!({})), &["any", "in-a", "elsewhere"])]
#[case::moves(Some(json!({})), Some(json!({ "metadata": { "labels": { "zone": "b" } } })), &["in-a", "in-b"])]
#[case::preferred_only(Some(json!({})),
    Some(json!({ "spec": { "taints": [{ "key": "k", "effect": "PreferNoSchedule" }] } })), &[])]
#[case::shrinks(Some(json!({})), Some(json!({ "status": { "allocatable": { "pods": "0" } } })),
    &["any", "in-a", "tolerant", "elsewhere"])]
#[case::shrinks_a_little(Some(json!({})), Some(json!({ "status": { "allocatable": { "cpu": "3" } } })), &[])]
// DS-102
#[case::heartbeat(Some(json!({})), Some(json!({
    "metadata": { "resourceVersion": "9", "annotations": { "a": "b" } },
    "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
})), &[])]
fn a_node_wakes_the_jobs_whose_pods_begin_or_cease_to_fit(
    #[case] old: Option<Value>,
    #[case] new: Option<Value>,
    #[case] expected: &[&str],
) {
    let (old, new) = (old.map(changed), new.map(changed));
    assert_eq!(woken(old.as_ref(), new.as_ref()), expected);
}

// Edge cases, table 7.1: a pending pod of a node that is gone counts as active, and not as desired.
#[test]
fn a_pending_pod_of_a_node_that_is_gone_uses_parallelism() {
    let mut world = world(2, json!({ "parallelism": 1 }));
    world.reconcile();
    world.nodes.remove("n1");
    let plan = world.settle();
    assert_eq!(world.status(), "1 1 0 0 running");
    assert_eq!(reasons(&plan)[0], "ParallelismReached");
    assert!(world.pod_on("n2").is_none());
}

// 7.1: a pod that a user deletes is made anew when it is gone.
#[test]
fn a_deleted_pod_is_made_anew() {
    let mut world = world(2, json!({}));
    world.settle();
    let deleted = world.pod_on("n1").unwrap();
    world.terminate(&deleted);
    world.settle();
    assert_eq!(world.status(), "2 1 0 0 running");
    world.reap();
    world.settle();
    assert_eq!(world.status(), "2 2 0 0 running");
}

// 7.1: an unfinished job serves a node again whose pod was collected.
#[test]
fn a_succeeded_pod_that_is_deleted_is_made_anew() {
    let mut world = world(2, json!({}));
    world.settle();
    world.succeed(&["n1"]);
    world.settle();
    world.delete_pod_on("n1");
    world.settle();
    assert_eq!(world.status(), "2 2 0 0 running");
}

// BJ-34, 7.1: deadline 0 or negative.
#[rstest]
#[case(0)]
#[case(-5)]
fn a_deadline_that_has_passed_already_fails_the_job_before_any_pod(#[case] deadline: i64) {
    let mut world = world(
        2,
        json!({ "completionPolicy": { "activeDeadlineSeconds": deadline } }),
    );
    world.settle();
    assert_eq!(world.pods.len(), 0);
    assert_eq!(world.status(), "2 0 0 0 failed");
    assert_eq!(world.told("DeadlineExceeded"), 1);
}

// BJ-34: not for jobs that never complete.
#[test]
fn a_job_that_never_completes_has_no_deadline() {
    let spec = json!({ "completionPolicy": { "type": "Never", "activeDeadlineSeconds": 60 } });
    let mut world = world(1, spec);
    world.settle();
    world.pass(600);
    let plan = world.settle();
    assert_eq!(world.status(), "1 1 0 0 running");
    assert_eq!(plan.requeue_after, None);
}

// BJ-51
#[test]
fn too_many_active_pods_are_told_and_left() {
    let mut world = world(3, json!({}));
    world.settle();
    world.add_node("n4");
    world.change(json!({ "parallelism": 2 }));
    for _ in 0..3 {
        world.reconcile();
    }
    assert_eq!(
        (
            world.told("TooManyActivePods"),
            world.told("SuccessfulDelete")
        ),
        (1, 0)
    );
    assert_eq!(world.pods.len(), 3);
    // As many as are allowed are told no more.
    world.change(json!({ "parallelism": 3 }));
    world.reconcile();
    world.change(json!({ "parallelism": 2 }));
    world.reconcile();
    assert_eq!(world.told("TooManyActivePods"), 2);
}

// BJ-51: a pod that is stopped in the same pass still counts.
#[test]
fn the_place_of_a_stopped_pod_is_free_when_it_is_gone() {
    let mut world = world(2, json!({ "parallelism": 1 }));
    world.settle();
    world.change_node("n1", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    assert_eq!(world.served(), Vec::<String>::new());
    world.reap();
    world.settle();
    assert_eq!(world.served(), ["n2"]);
}

// BJ-21, BJ-56, DV-BJ1: a kubelet that is dead holds up nobody for ever.
#[test]
fn the_end_of_a_stopped_pod_is_waited_for_and_not_for_ever() {
    let mut world = world(2, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    world.change_node("n1", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    world.add_node("n3");
    world.pass(39);
    let plan = world.reconcile();
    assert_eq!(
        (reasons(&plan), plan.requeue_after),
        (vec!["PodsTerminating"], seconds(1))
    );
    world.pass(1);
    world.settle();
    assert!(world.pod_on("n3").is_some());
}

// BJ-56: nor for as long as a pod may take by its own account.
#[test]
fn a_long_grace_period_is_waited_for_five_minutes() {
    let mut world = world(2, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    world.change_node("n1", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    world.pod("n1")["metadata"]["deletionTimestamp"] = json!("2026-01-10T12:00:00Z");
    assert_eq!(world.reconcile().requeue_after, seconds(300));
    world.pass(300);
    assert_eq!(reasons(&world.reconcile()), ["PodsNotEnded"]);
}

// BJ-56: what others delete is not waited for, nor is anything by a process that was started anew.
#[test]
fn only_own_deletions_are_waited_for() {
    let mut world = world(2, json!({}));
    world.settle();
    world.change_node("n1", json!({ "spec": { "unschedulable": true } }));
    world.reconcile();
    world.restart_controller();
    assert_eq!(reasons(&world.reconcile()), ["PodsNotEnded"]);
}

// BJ-36, BJ-37, DV-BJ4: nobody would come back to a pod that was not stopped, if the job had ended.
#[test]
fn a_job_does_not_complete_while_an_unfit_pod_can_not_be_stopped() {
    let mut world = world(2, json!({}));
    world.settle();
    world.succeed(&["n1"]);
    world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
    world.held = world.pod_on("n2");
    world.reconcile();
    assert_eq!(world.status(), "1 1 1 0 running");
    world.held = None;
    world.reconcile();
    assert_eq!(world.status(), "1 0 1 1 completed");
}

// BJ-51, 7.3: so that a pause, or another template, is seen before thousands of pods are made.
#[test]
fn a_pass_creates_five_hundred_pods_at_most() {
    let mut world = world(1100, json!({}));
    let created: Vec<usize> = (0..4)
        .map(|_| batches(&world.reconcile()).iter().sum())
        .collect();
    assert_eq!(created, [500, 500, 100, 0]);
    assert_eq!(world.status(), "1100 1100 0 0 running");
}

// BJ-56: of a pod that is gone nothing is kept.
#[test]
fn stopped_pods_are_remembered_until_they_are_gone() {
    let mut world = world(3, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    for node in ["n1", "n2"] {
        world.change_node(node, json!({ "spec": { "unschedulable": true } }));
    }
    let stopped = ["n1", "n2"].map(|node| world.pod(node)["metadata"]["uid"].clone());
    world.reconcile();
    let remembered = |world: &World| world.memory.stopped.keys().cloned().collect::<Vec<_>>();
    assert_eq!(remembered(&world), stopped);
    world.delete_pod_on("n1");
    world.reconcile();
    assert_eq!(remembered(&world), stopped[1..]);
    world.reap();
    world.reconcile();
    assert_eq!(remembered(&world), Vec::<String>::new());
}

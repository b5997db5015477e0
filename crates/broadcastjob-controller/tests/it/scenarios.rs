//! The acceptance scenarios of docs/spec/broadcastjob.md for ordinary use, in their order.

use rstest::rstest;
use serde_json::json;

use crate::world::{batches, reasons, seconds, template, world};

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

// BJ-S1, BJ-22, BJ-23, BJ-26, BJ-40, BJ-53
#[test]
fn each_node_gets_a_pod() {
    let mut world = world(3, json!({}));
    let plan = world.reconcile();
    assert_eq!(batches(&plan), [1, 2]);
    assert_eq!(world.served(), ["n1", "n2", "n3"]);
    assert_eq!(world.status(), "3 3 0 0 running");
    assert_eq!(world.job["status"]["startTime"], "2026-01-10T10:00:00Z");
    assert_eq!(world.events, ["SuccessfulCreate"; 3]);
    for pod in world.pods.values() {
        let labels = &pod["metadata"]["labels"];
        assert_eq!(labels["broadcastjob-name"], "scan");
        assert_eq!(labels["broadcastjob-controller-uid"], "job-uid");
        assert_eq!(labels["app"], "scan");
    }
}

// BJ-S2, BJ-45, BJ-62
#[test]
fn a_job_completes_when_all_pods_have_ended() {
    let mut world = world(3, json!({}));
    world.settle();
    world.pass(60);
    world.succeed(&["n1", "n2", "n3"]);
    world.settle();
    assert_eq!(world.status(), "3 0 3 0 completed");
    assert_eq!(world.conditions(), [pair("Complete", "Complete")]);
    assert_eq!(
        world.job["status"]["completionTime"],
        "2026-01-10T10:01:00Z"
    );
    assert_eq!(
        (world.told("JobComplete"), world.told("SuccessfulDelete")),
        (1, 0)
    );
    assert_eq!(world.pods.len(), 3);
}

// BJ-S3, BJ-51
#[test]
fn one_pod_at_a_time() {
    let mut world = world(3, json!({ "parallelism": 1 }));
    for (n_done, node) in ["n1", "n2", "n3"].into_iter().enumerate() {
        let plan = world.settle();
        assert_eq!(world.pods.len(), n_done + 1);
        let expected = if n_done < 2 {
            "ParallelismReached"
        } else {
            "PodsNotEnded"
        };
        assert_eq!(reasons(&plan)[0], expected);
        world.succeed(&[node]);
    }
    world.settle();
    assert_eq!(world.status(), "3 0 3 0 completed");
}

// BJ-S4, BJ-50, BJ-P6
#[rstest]
#[case(json!("40%"), 2)]
#[case(json!("1%"), 1)]
#[case(json!("0%"), 0)]
#[case(json!("50"), 3)]
#[case(json!("%5%0"), 3)]
#[case(json!("100%"), 5)]
#[case(json!(4), 4)]
#[case(json!(0), 0)]
#[case(json!(-3), 0)]
#[case(json!("-20%"), 0)]
#[case(json!(null), 5)]
fn parallelism_may_be_a_share_of_the_nodes(
    #[case] parallelism: serde_json::Value,
    #[case] n_pods: usize,
) {
    let mut world = world(5, json!({ "parallelism": parallelism }));
    world.settle();
    assert_eq!(world.pods.len(), n_pods);
    assert_eq!(world.status(), format!("5 {n_pods} 0 0 running"));
}

// BJ-S5, BJ-61, BJ-62, BJ-P5
#[test]
fn a_job_is_deleted_when_its_time_is_over() {
    let mut world = world(
        1,
        json!({ "completionPolicy": { "ttlSecondsAfterFinished": 30 } }),
    );
    world.settle();
    world.succeed(&["n1"]);
    let plan = world.reconcile();
    assert_eq!(world.status(), "1 0 1 0 completed");
    assert_eq!(plan.requeue_after, seconds(31));
    world.pass(10);
    assert_eq!(world.reconcile().requeue_after, seconds(20));
    assert!(!world.is_deleted);
    world.pass(21);
    world.reconcile();
    assert!(world.is_deleted);
}

// BJ-S5, BJ-61
#[rstest]
#[case::at_once(json!(0), true)]
#[case::negative(json!(-1), true)]
#[case::none(json!(null), false)]
fn without_time_to_live_a_job_is_kept(#[case] ttl: serde_json::Value, #[case] is_deleted: bool) {
    let mut world = world(
        1,
        json!({ "completionPolicy": { "ttlSecondsAfterFinished": ttl } }),
    );
    world.settle();
    world.succeed(&["n1"]);
    world.reconcile();
    assert!(!world.is_deleted);
    world.pass(86_400);
    world.reconcile();
    assert_eq!(world.is_deleted, is_deleted);
}

// BJ-S6, BJ-34, BJ-35, BJ-55
#[test]
fn a_job_fails_at_its_deadline() {
    let mut world = world(
        3,
        json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } }),
    );
    assert_eq!(world.reconcile().requeue_after, seconds(60));
    world.settle();
    world.succeed(&["n1"]);
    world.pass(59);
    assert_eq!(world.reconcile().requeue_after, seconds(1));
    assert_eq!(world.status(), "3 2 1 0 running");
    world.pass(1);
    world.reconcile();
    assert_eq!(world.told("SuccessfulDelete"), 2);
    assert_eq!(world.status(), "3 0 1 2 failed");
    assert_eq!(world.conditions(), [pair("Failed", "Failed")]);
    assert_eq!(world.told("DeadlineExceeded"), 1);
    // What was stopped stays counted.
    world.reap();
    world.settle();
    assert_eq!(world.status(), "3 0 1 2 failed");
}

// BJ-S7, BJ-33, BJ-35
#[test]
fn a_failed_pod_fails_the_job() {
    let mut world = world(3, json!({}));
    world.settle();
    world.end("n2", "Failed");
    world.reconcile();
    assert_eq!(world.status(), "3 0 0 3 failed");
    assert_eq!(
        (
            world.told("SuccessfulDelete"),
            world.told("failed pod is found")
        ),
        (2, 2)
    );
    assert_eq!(world.served(), ["n2"]);
    let told = world.events.iter().skip(3);
    let told: Vec<_> = told.map(String::as_str).collect();
    let expected = [
        "failed pod is found",
        "SuccessfulDelete",
        "SuccessfulDelete",
        "failed pod is found",
    ];
    assert_eq!(told, expected);
}

// BJ-S8, BJ-45
#[test]
fn the_other_nodes_are_served_in_spite_of_a_failed_pod() {
    let mut world = world(3, json!({ "failurePolicy": { "type": "Continue" } }));
    world.settle();
    world.end("n1", "Failed");
    world.settle();
    assert_eq!(world.status(), "3 2 0 1 running");
    world.succeed(&["n2", "n3"]);
    world.settle();
    assert_eq!(world.status(), "3 0 2 1 completed");
    assert_eq!(world.conditions(), [pair("Complete", "Complete")]);
}

// BJ-S9, BJ-33, DV-BJ3
#[test]
fn a_job_pauses_until_its_failed_pod_is_deleted() {
    let spec = json!({ "parallelism": 1, "failurePolicy": { "type": "Pause" } });
    let mut world = world(3, spec);
    world.settle();
    world.end("n1", "Failed");
    for _ in 0..3 {
        let plan = world.reconcile();
        assert_eq!(reasons(&plan), ["PausedByFailure"]);
    }
    assert_eq!(world.status(), "3 0 0 1 paused");
    assert_eq!(world.job["spec"]["paused"], json!(null));
    assert_eq!(world.served(), ["n1"]);
    assert_eq!((world.told("Paused"), world.told("Continue")), (1, 0));
    world.delete_pod_on("n1");
    world.settle();
    assert_eq!(world.served(), ["n1"]);
    assert_eq!(world.status(), "3 1 0 0 running");
    assert_eq!((world.told("Paused"), world.told("Continue")), (1, 1));
    world.succeed(&["n1"]);
    world.settle();
    assert_eq!(world.served(), ["n1", "n2"]);
}

// BJ-33: or until the policy is another one.
#[test]
fn a_job_goes_on_when_its_policy_is_changed() {
    let mut world = world(2, json!({ "failurePolicy": { "type": "Pause" } }));
    world.settle();
    world.end("n1", "Failed");
    world.settle();
    assert_eq!(world.status(), "2 1 0 1 paused");
    world.change(json!({ "failurePolicy": { "type": "Continue" } }));
    world.settle();
    assert_eq!(world.status(), "2 1 0 1 running");
    assert_eq!(world.told("Continue"), 1);
}

// BJ-S10, BJ-31, BJ-32
#[test]
fn a_paused_job_begins_nothing() {
    let mut world = world(3, json!({ "parallelism": 1 }));
    world.settle();
    world.change(json!({ "paused": true }));
    assert_eq!(reasons(&world.settle()), ["Paused"]);
    assert_eq!(world.status(), "3 1 0 0 paused");
    world.succeed(&["n1"]);
    world.settle();
    assert_eq!(world.status(), "3 0 1 0 paused");
    assert_eq!(world.pods.len(), 1);
    // The event is about failed pods; who writes the field knows.
    assert_eq!((world.told("Paused"), world.told("Continue")), (0, 0));
    world.change(json!({ "paused": false }));
    world.settle();
    assert_eq!(world.status(), "3 1 1 0 running");
    assert_eq!(world.told("Continue"), 1);
}

// BJ-31: neither the failure policy nor the deadline counts while it is paused.
#[test]
fn a_paused_job_does_not_fail() {
    let spec = json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } });
    let mut world = world(2, spec);
    world.settle();
    world.change(json!({ "paused": true }));
    world.end("n1", "Failed");
    world.pass(600);
    let plan = world.settle();
    assert_eq!(world.status(), "2 1 0 1 paused");
    assert_eq!(plan.requeue_after, None);
    world.change(json!({ "paused": false }));
    world.reconcile();
    assert_eq!(world.status(), "2 0 0 2 failed");
}

// BJ-S11
#[test]
fn a_job_that_never_completes_serves_nodes_that_join() {
    let mut world = world(3, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    world.succeed(&["n1", "n2", "n3"]);
    let plan = world.settle();
    assert_eq!(world.status(), "3 0 3 0 running");
    assert_eq!((world.conditions(), reasons(&plan)), (vec![], vec![]));
    world.add_node("n4");
    world.settle();
    assert_eq!(world.status(), "4 1 3 0 running");
    assert!(world.pod_on("n4").is_some());
}

// BJ-S12, BJ-30, BJ-35
#[test]
fn a_job_that_never_completes_can_fail() {
    let mut world = world(3, json!({ "completionPolicy": { "type": "Never" } }));
    world.settle();
    world.end("n1", "Failed");
    world.reconcile();
    assert_eq!(world.status(), "3 0 0 3 failed");
    assert_eq!(world.conditions(), [pair("Failed", "Failed")]);
    world.reap();
    world.add_node("n4");
    world.settle();
    assert_eq!(world.served(), ["n1"]);
    assert_eq!(world.conditions().len(), 1);
    // It is counted on, and nothing else.
    assert_eq!(world.status(), "4 0 0 1 failed");
}

// BJ-S13, BJ-27
#[rstest]
#[case(&[2, 1], "1 1 0 0 running")]
#[case(&[2, 2], "1 0 0 1 failed")]
fn restarts_are_counted_over_all_containers_of_a_pod(#[case] counts: &[i32], #[case] status: &str) {
    let spec = json!({
        "failurePolicy": { "restartLimit": 3 }, "template": { "spec": { "restartPolicy": "OnFailure" } },
    });
    let mut world = world(1, spec);
    world.settle();
    world.restart("n1", counts);
    world.reconcile();
    assert_eq!(world.status(), status);
}

// BJ-S14, BJ-27
#[rstest]
#[case("OnFailure", "1 0 0 1 failed")]
#[case("Never", "1 1 0 0 running")]
fn without_a_limit_the_first_restart_counts(#[case] policy: &str, #[case] status: &str) {
    let spec = json!({ "template": { "spec": { "restartPolicy": policy } } });
    let mut world = world(1, spec);
    world.settle();
    world.restart("n1", &[1]);
    world.reconcile();
    assert_eq!(world.status(), status);
}

// BJ-S15, BJ-42, BJ-P4
#[test]
fn nodes_are_chosen_by_taints_and_cordons() {
    let tolerations = json!([{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "operator": "Exists" }]);
    for (tolerations, served) in [(json!(null), vec!["n3"]), (tolerations, vec!["n2", "n3"])] {
        let mut world = world(
            3,
            json!({ "template": { "spec": { "tolerations": tolerations } } }),
        );
        world.taint("n1", "acme.io/gpu", "NoSchedule");
        world.change_node("n2", json!({ "spec": { "unschedulable": true } }));
        world.settle();
        assert_eq!(world.served(), served);
        assert!(world.status().starts_with(&served.len().to_string()));
    }
}

// BJ-S16, BJ-42: what others use is not looked at, and a pending pod is active.
#[test]
fn nodes_are_chosen_by_their_size() {
    let requests = json!({ "cpu": "2" });
    let mut template = template();
    template["spec"]["containers"][0]["resources"] = json!({ "requests": requests });
    let mut world = world(3, json!({ "template": template }));
    world.change_node("n3", json!({ "status": { "allocatable": { "cpu": "1" } } }));
    world.reconcile();
    assert_eq!(world.served(), ["n1", "n2"]);
    world.pod("n1")["status"] = json!({
        "phase": "Pending",
        "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable" }],
    });
    let plan = world.reconcile();
    assert_eq!(world.status(), "2 2 0 0 running");
    assert_eq!(reasons(&plan), ["PodsNotEnded"]);
}

// BJ-S17, BJ-P3
#[test]
fn a_node_that_becomes_eligible_is_served() {
    let mut world = world(2, json!({}));
    world.taint("n1", "acme.io/gpu", "NoSchedule");
    world.settle();
    assert_eq!(world.served(), ["n2"]);
    world.change_node("n1", json!({ "spec": { "taints": null } }));
    world.settle();
    assert_eq!(world.served(), ["n1", "n2"]);
}

// BJ-S18, BJ-52
#[test]
fn batches_double() {
    let mut world = world(10, json!({ "parallelism": 20 }));
    assert_eq!(batches(&world.reconcile()), [1, 2, 4, 3]);
}

//! The checker finds what is wrong: each plan here is a good one with one thing changed.

use broadcastjob_controller::{
    check::violations,
    plan::{Plan, Step, plan},
};
use kruise_plan::PodRef;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, decoded, world};

type Wrong = fn(&mut Plan);
type Change = fn(&mut World);

fn as_it_is(_: &mut Plan) {}

fn twice_on_one_node(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            let mut twin = batches[0][0].clone();
            twin.name = "twin".to_owned();
            batches[1].push(twin);
        }
    }
}

fn without_labels(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            batches[0][0].metadata = json!({ "name": "a" }).into();
        }
    }
}

fn to_another_node(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            batches[0][0].node = "n9".to_owned();
        }
    }
}

fn all_at_once(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            let all = batches.drain(..).flatten().collect();
            batches.push(all);
        }
    }
}

fn deletes_the_job(plan: &mut Plan) {
    plan.steps.push(Step::DeleteJob);
}

fn without_reason(plan: &mut Plan) {
    plan.steps.clear();
    plan.waiting_on.clear();
}

fn without_n3(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            batches[1].pop();
        }
    }
}

fn new_world() -> World {
    world(3, json!({}))
}

#[rstest]
#[case::good(as_it_is, &[])]
#[case::twice(twice_on_one_node, &["node n1 gets a second pod", "a batch of 3"])]
#[case::labels(without_labels, &["would not be known as the job's"])]
#[case::node(to_another_node, &["does not fit node n9", "is not led to node n9", "node n1 gets no pod"])]
#[case::batches(all_at_once, &["a batch of 3 comes where 1 are allowed"])]
#[case::deletes(deletes_the_job, &["the job is deleted before its time"])]
#[case::silent(without_reason, &["nothing is done and no reason is given", "node n1 gets no pod and no reason is given"])]
#[case::forgotten(without_n3, &["node n3 gets no pod and no reason is given"])]
fn what_is_wrong_with_a_plan_that_creates(#[case] wrong: Wrong, #[case] expected: &[&str]) {
    let snapshot = new_world().snapshot();
    let mut plan = plan(&snapshot);
    wrong(&mut plan);
    let found = violations(&snapshot, &plan);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
}

// BJ-51, 7.3
#[test]
fn a_pass_must_not_create_more_than_five_hundred_pods() {
    let snapshot = world(501, json!({})).snapshot();
    let mut plan = plan(&snapshot);
    for step in &mut plan.steps {
        if let Step::CreatePods { batches } = step {
            let mut more = batches[0][0].clone();
            more.name = "one-more".to_owned();
            batches.push(vec![more]);
        }
    }
    let found = violations(&snapshot, &plan);
    assert!(
        found.contains(&"501 pods are created in one pass".to_owned()),
        "{found:?}"
    );
}

/// The plan of a job, of which a pod is stopped besides.
fn stopping(world: &World, node: &str) -> Vec<String> {
    let snapshot = world.snapshot();
    let mut plan = plan(&snapshot);
    let name = world.pod_on(node).unwrap();
    let pod = PodRef::of(&decoded(&world.pods[&name]));
    plan.steps.push(Step::StopPods { pods: vec![pod] });
    violations(&snapshot, &plan)
}

#[rstest]
#[case::runs(json!({}), json!({}), "is stopped without a reason")]
#[case::has_ended(json!({ "status": { "phase": "Succeeded" } }), json!({}), "is finished")]
#[case::terminating(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } }), json!({}), "is terminating")]
#[case::anothers(json!({ "metadata": { "labels": { "broadcastjob-name": "other" } } }), json!({}), "lacks the job's labels")]
#[case::paused(json!({}), json!({ "paused": true }), "pods of a paused job are touched")]
fn pods_that_must_not_be_stopped(#[case] pod: Value, #[case] spec: Value, #[case] expected: &str) {
    let mut world = new_world();
    world.settle();
    json_patch::merge(world.pod("n1"), &pod);
    world.change(spec);
    let found = stopping(&world, "n1");
    assert!(
        found.iter().any(|found| found.contains(expected)),
        "{found:?}"
    );
}

// BJ-33, BJ-35
#[rstest]
#[case::pauses(
    "Pause",
    "pods are touched though one has failed, and the job is to pause"
)]
#[case::goes_on("Continue", "is stopped without a reason")]
#[case::fails("FailFast", "is touched twice")]
fn what_follows_a_failed_pod(#[case] policy: &str, #[case] expected: &str) {
    let mut world = world(3, json!({ "failurePolicy": { "type": policy } }));
    world.settle();
    world.end("n2", "Failed");
    let found = stopping(&world, "n1");
    assert!(
        found.iter().any(|found| found.contains(expected)),
        "{found:?}"
    );
}

// BJ-45, BJ-51, BJ-60
#[test]
fn a_job_must_not_end_too_early_nor_have_too_many_pods() {
    let mut world = world(3, json!({ "parallelism": 2 }));
    let snapshot = world.snapshot();
    let good = plan(&snapshot);
    let mut narrower = snapshot.clone();
    world.change(json!({ "parallelism": 1 }));
    narrower.job = world.snapshot().job;
    let found = violations(&narrower, &good);
    assert!(
        found.iter().any(|found| found.contains("1 are allowed")),
        "{found:?}"
    );

    world.change(json!({ "parallelism": 9 }));
    world.settle();
    world.succeed(&["n1", "n2", "n3"]);
    let done = world.snapshot();
    let completes = plan(&done);
    assert_eq!(violations(&done, &completes), Vec::<String>::new());
    world.delete_pod_on("n2");
    let found = violations(&world.snapshot(), &completes);
    assert_eq!(found, ["node n2 has not been served"]);
    world.change(json!({ "completionPolicy": { "type": "Never" } }));
    let found = violations(&world.snapshot(), &completes);
    assert!(
        found.contains(&"the job completes, and must not".to_owned()),
        "{found:?}"
    );
}

/// The plan of a job that completes on n1 and n2, judged by a world that is changed.
fn completing(change: Change) -> Vec<String> {
    let mut world = world(2, json!({}));
    world.settle();
    world.succeed(&["n1", "n2"]);
    let completes = plan(&world.snapshot());
    change(&mut world);
    let names = ["n1", "n2"].map(|node| world.pod_on(node));
    let found = violations(&world.snapshot(), &completes).into_iter();
    // Names of pods say nothing to the reader.
    let found = found.map(|found| match &names {
        [Some(of_n1), _] if found.contains(of_n1) => found.replace(of_n1, "of-n1"),
        _ => found,
    });
    found.collect()
}

fn nothing_changes(_: &mut World) {}

fn runs_on(world: &mut World) {
    world.end("n1", "Running");
}

// BJ-27: over its restart limit, and so failed; but it has not ended.
fn is_restarted(world: &mut World) {
    let spec = json!({
        "failurePolicy": { "type": "Continue" }, "template": { "spec": { "restartPolicy": "OnFailure" } },
    });
    world.change(spec);
    world.pod("n1")["spec"]["restartPolicy"] = json!("OnFailure");
    world.end("n1", "Running");
    world.restart("n1", &[1]);
}

fn is_terminating(world: &mut World) {
    world.end("n1", "Running");
    let pod = world.pod_on("n1").unwrap();
    world.terminate(&pod);
}

fn fits_no_more(world: &mut World) {
    world.end("n1", "Running");
    world.taint("n1", "k", "NoSchedule");
}

fn nodes_are_gone(world: &mut World) {
    world.nodes.clear();
}

fn is_made_anew(world: &mut World) {
    let mut later = world.pod("n1").clone();
    later["metadata"]["name"] = json!("zz");
    later["metadata"]["uid"] = json!("zz");
    world.end("n1", "Running");
    world.pods.insert("zz".to_owned(), later);
}

// BJ-24, BJ-41, BJ-45
#[rstest]
#[case::good(nothing_changes, &[])]
#[case::runs(runs_on, &["pod of-n1 of node n1 has not ended"])]
#[case::restarted(is_restarted, &["pod of-n1 of node n1 has not ended"])]
#[case::on_its_way_out(is_terminating, &[])]
#[case::unfit(fits_no_more, &[])]
#[case::the_later_one_counts(is_made_anew, &[])]
#[case::no_node(nodes_are_gone, &["the job completes, and has served no node"])]
fn a_job_completes_when_each_node_has_a_pod_that_has_ended(
    #[case] change: Change,
    #[case] expected: &[&str],
) {
    assert_eq!(completing(change), expected);
}

// BJ-35
#[test]
fn a_job_must_not_fail_without_reason_nor_with_active_pods() {
    let mut world = new_world();
    world.settle();
    world.end("n1", "Failed");
    let failing = world.snapshot();
    let mut fails = plan(&failing);
    assert_eq!(violations(&failing, &fails), Vec::<String>::new());
    fails.steps.clear();
    assert_eq!(
        violations(&failing, &fails),
        ["2 pods are active when the job fails"]
    );
    world.end("n1", "Running");
    let found = violations(&world.snapshot(), &fails);
    assert!(
        found.contains(&"the job fails without a reason".to_owned()),
        "{found:?}"
    );
}

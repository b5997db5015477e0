//! What a new pod looks like, how it is named, and which pods are the job's.

use std::sync::Arc;

use broadcastjob_controller::{
    gates::Gates,
    memory::Memory,
    observe::Observer,
    plan::{Plan, Step, plan},
};
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    read::Node,
    resource::{NODES, ObjectKey, PODS},
};
use kruise_plan::workload::Filled;
use kruise_runtime::{Clock, Store};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, batches, decoded, reasons, seconds, world};

fn one_pod(world: &mut World) -> Value {
    world.reconcile();
    world.pod("n1").clone()
}

// BJ-53
#[test]
fn a_pod_is_made_from_the_template_for_its_node() {
    let mut world = world(1, json!({}));
    let pod = one_pod(&mut world);
    let metadata = &pod["metadata"];
    assert_eq!(metadata["generateName"], "scan-");
    assert_eq!(metadata["annotations"], json!({ "team": "sec" }));
    assert_eq!(metadata["finalizers"], json!(["acme.io/log"]));
    assert_eq!(
        metadata["ownerReferences"],
        json!([{
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob", "name": "scan", "uid": "job-uid",
            "controller": true, "blockOwnerDeletion": true,
        }])
    );
    assert_eq!(pod["spec"]["nodeName"], json!(null));
    let name = metadata["name"].as_str().unwrap();
    assert!(
        name.starts_with("scan-") && name.len() == "scan-".len() + 5,
        "{name}"
    );
}

// BJ-53: preferred terms stay, and required ones go.
#[test]
fn the_scheduler_brings_a_pod_to_its_node() {
    let preferred = json!([{ "weight": 1, "preference": { "matchExpressions": [] } }]);
    let required = json!({ "nodeSelectorTerms": [
        { "matchExpressions": [{ "key": "zone", "operator": "Exists" }] },
    ] });
    let affinity = json!({
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": preferred,
            "requiredDuringSchedulingIgnoredDuringExecution": required,
        },
        "podAffinity": {},
    });
    let mut world = world(
        1,
        json!({ "template": { "spec": { "affinity": affinity } } }),
    );
    let pod = one_pod(&mut world);
    let field = json!({ "key": "metadata.name", "operator": "In", "values": ["n1"] });
    assert_eq!(
        pod["spec"]["affinity"],
        json!({
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": preferred,
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{ "matchFields": [field] }],
                },
            },
            "podAffinity": {},
        })
    );
}

// BJ-53: flag --assign-bcj-pods-by-scheduler=false
#[test]
fn a_pod_may_name_its_node() {
    let mut world = world(2, json!({}));
    world.gates = Gates {
        assign_by_scheduler: false,
        ..Gates::default()
    };
    let pod = one_pod(&mut world);
    assert_eq!(pod["spec"]["nodeName"], "n1");
    assert_eq!(pod["spec"]["affinity"], json!(null));
    assert_eq!(world.served(), ["n1", "n2"]);
    world.settle();
    world.succeed(&["n1", "n2"]);
    world.settle();
    assert_eq!(world.status(), "2 0 2 0 completed");
}

// BJ-2, PF-907
#[rstest]
#[case(Filled::Defaults, json!("Always"))]
#[case(Filled::Nothing, json!(null))]
fn defaults_are_those_of_admission(#[case] filled: Filled, #[case] pull_policy: Value) {
    let mut world = world(1, json!({}));
    world.gates.filled = filled;
    let pod = one_pod(&mut world);
    assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], pull_policy);
}

// The API server cuts a generated name after 58 characters of its prefix.
#[test]
fn names_are_cut_as_the_server_cuts_them() {
    let mut world = world(1, json!({}));
    world.job["metadata"]["name"] = json!("n".repeat(63));
    let pod = one_pod(&mut world);
    let name = pod["metadata"]["name"].as_str().unwrap();
    assert_eq!(name.len(), 63);
    assert!(name.starts_with(&"n".repeat(58)));
}

// BJ-P8: whatever is known of the first creation, a second one of the node can only meet it.
#[test]
fn a_node_always_gets_the_same_name() {
    let mut world = world(3, json!({}));
    world.reconcile();
    let first: Vec<String> = world.pods.keys().cloned().collect();
    world.pods.clear();
    world.restart_controller();
    world.add_node("n4");
    world.reconcile();
    let second: Vec<String> = world.pods.keys().cloned().collect();
    assert_eq!(second.len(), 4);
    assert!(first.iter().all(|name| second.contains(name)));
}

#[test]
fn a_name_that_another_has_is_not_asked_for_again() {
    let mut world = world(2, json!({}));
    world.reconcile();
    let names: Vec<String> = world.pods.keys().cloned().collect();
    world.pods.clear();
    world.foreign = vec![names[0].clone()];
    world.reconcile();
    assert!(world.failed);
    world.settle();
    assert!(!world.failed);
    assert_eq!(world.served(), ["n1", "n2"]);
    assert!(!world.pods.contains_key(&names[0]));
}

/// Somebody takes the name that the plan gives to the pod of n1.
fn take_the_name_for_n1(world: &mut World) {
    let plan = plan(&world.snapshot());
    let pods = plan.steps.iter().flat_map(|step| match step {
        Step::CreatePods { batches } => batches.concat(),
        Step::StopPods { pods: _ } | Step::DeleteJob => Vec::new(),
    });
    let of_n1 = pods.filter(|pod| pod.node == "n1");
    world.foreign.extend(of_n1.map(|pod| pod.name));
}

/// The same until there is none left; the plan that finds that.
fn take_all_names_for_n1(world: &mut World) -> Plan {
    for n_taken in 1..=16 {
        take_the_name_for_n1(world);
        assert_eq!(world.foreign.len(), n_taken);
        world.reconcile();
    }
    let plan = world.reconcile();
    assert_eq!(plan.steps, []);
    plan
}

#[test]
fn of_the_names_of_a_plan_only_the_one_that_was_refused_is_remembered() {
    let mut world = world(3, json!({}));
    take_the_name_for_n1(&mut world);
    world.reconcile();
    let remembered: Vec<&String> = world.memory.taken_names.keys().collect();
    assert_eq!(remembered, [&world.foreign[0]]);
}

// More often than a node has names.
#[test]
fn names_that_were_taken_are_forgotten_when_all_pods_are_there() {
    let mut world = world(2, json!({}));
    for _ in 0..20 {
        take_the_name_for_n1(&mut world);
        world.settle();
        assert_eq!(world.served(), ["n1", "n2"]);
        assert_eq!(world.memory.taken_names.len(), 0);
        world.pods.clear();
        world.foreign.clear();
    }
}

// Nor does it keep the others from being served.
#[test]
fn a_node_for_whose_pod_no_name_is_free_waits_and_says_so() {
    let mut world = world(1, json!({ "parallelism": 1 }));
    let plan = take_all_names_for_n1(&mut world);
    assert_eq!(reasons(&plan), ["NamesTaken"]);
    assert_eq!(
        plan.waiting_on[0].to_string(),
        "no pod is created for node n1: other pods have all the names that it may have"
    );
    assert_eq!(
        (world.told("NamesTaken"), world.told("InvalidSpec")),
        (1, 0)
    );
    assert_eq!(plan.requeue_after, seconds(300));

    world.add_node("n2");
    world.reconcile();
    assert_eq!(world.served(), ["n2"]);

    // Whoever had the names may be gone after a while.
    world.succeed(&["n2"]);
    world.foreign.clear();
    world.pass(299);
    world.settle();
    assert_eq!(world.served(), ["n2"]);
    world.pass(1);
    world.settle();
    assert_eq!(world.served(), ["n1", "n2"]);
}

// Also in a pass that creates as many pods as it may before it comes to that node.
#[test]
fn the_names_of_a_node_that_waits_outlive_what_others_are_served() {
    let mut world = world(1, json!({ "parallelism": 1 }));
    take_all_names_for_n1(&mut world);
    for (n_served, earlier) in [(1, "n01"), (2, "n02")] {
        world.add_node(earlier);
        let plan = world.reconcile();
        assert_eq!((batches(&plan), world.failed), (vec![1], false));
        let plan = world.settle();
        assert_eq!(reasons(&plan)[..2], ["ParallelismReached", "NamesTaken"]);
        world.succeed(&[earlier]);
        assert_eq!(reasons(&world.settle()), ["NamesTaken"]);
        assert_eq!(world.served().len(), n_served);
    }
    assert_eq!(world.memory.taken_names.len(), 16);
    assert_eq!(
        (world.told("NamesTaken"), world.told("FailedCreate")),
        (1, 16)
    );
}

// Thousands of nodes: some of them would get the same name.
#[test]
fn names_of_a_job_are_different() {
    let mut world = world(6000, json!({}));
    let mut n_pods = 0;
    while n_pods < 6000 {
        world.reconcile();
        assert!(world.pods.len() > n_pods);
        n_pods = world.pods.len();
    }
    assert_eq!(n_pods, 6000);
}

// DV-BJ9, BJ-42, BJ-53: the node that the template names wins, and the others get no pods that could only fail.
#[rstest]
#[case(json!(null))]
#[case(json!(1))]
fn a_template_that_names_a_node_makes_one_pod(#[case] parallelism: Value) {
    let spec = json!({ "parallelism": parallelism, "template": { "spec": { "nodeName": "n2" } } });
    let mut world = world(3, spec);
    let plan = world.settle();
    assert_eq!(world.served(), ["n2"]);
    assert_eq!(world.status(), "3 1 0 0 running");
    assert_eq!(reasons(&plan)[0], "InvalidSpec");
    assert_eq!(world.told("InvalidSpec"), 1);
}

// BJ-52
#[rstest]
#[case::happened(true)]
#[case::did_not_happen(false)]
fn a_creation_that_times_out_is_no_error(#[case] happened: bool) {
    let mut world = world(3, json!({}));
    world.creations_time_out = Some(happened);
    world.reconcile();
    assert!(!world.failed);
    assert_eq!(world.told("FailedCreate"), 3);
    assert_eq!(world.status(), "3 0 0 0 running");
    world.creations_time_out = None;
    world.settle();
    assert_eq!(world.status(), "3 3 0 0 running");
    assert_eq!(world.served(), ["n1", "n2", "n3"]);
}

// BJ-23, BJ-P1
#[rstest]
#[case::another_job(json!({ "metadata": { "ownerReferences": [{
    "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob", "name": "scan", "uid": "other", "controller": true,
}] } }))]
#[case::another_kind(json!({ "metadata": { "ownerReferences": [{
    "apiVersion": "batch/v1", "kind": "Job", "name": "scan", "uid": "job-uid", "controller": true,
}] } }))]
#[case::not_managed(json!({ "metadata": { "ownerReferences": [{
    "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob", "name": "scan", "uid": "job-uid",
}] } }))]
#[case::no_owner(json!({ "metadata": { "ownerReferences": null } }))]
#[case::other_name(json!({ "metadata": { "labels": { "broadcastjob-name": "other" } } }))]
#[case::no_uid(json!({ "metadata": { "labels": { "broadcastjob-controller-uid": null } } }))]
fn pods_that_only_look_like_the_jobs_do_not_count(#[case] change: Value) {
    let mut world = world(
        1,
        json!({ "completionPolicy": { "activeDeadlineSeconds": 60 } }),
    );
    let mut alike = one_pod(&mut world);
    world.pods.clear();
    json_patch::merge(&mut alike, &change);
    alike["metadata"]["name"] = json!("alike");
    alike["metadata"]["uid"] = json!("alike");
    alike["spec"]["nodeName"] = json!("n1");
    alike["status"] = json!({ "phase": "Running" });
    world.pods.insert("alike".to_owned(), alike.clone());
    world.settle();
    assert_eq!(world.pods.len(), 2, "the node is served");
    assert_eq!(world.status(), "1 1 0 0 running");
    world.pass(60);
    world.reconcile();
    assert_eq!(world.status(), "1 0 0 1 failed");
    assert_eq!(world.pods["alike"], alike);
}

// BJ-24, BJ-P2: before the scheduler has bound it, too.
#[test]
fn a_pod_that_is_not_bound_yet_has_its_node() {
    let mut world = world(3, json!({}));
    world.reconcile();
    for _ in 0..3 {
        world.reconcile();
    }
    assert_eq!(world.pods.len(), 3);
    assert_eq!(world.told("DuplicatePodCreatedOnSameNode"), 0);
}

// BJ-25: a pod that ends while it is being deleted counts as what it ended as.
#[test]
fn classes_go_by_phase_first() {
    let mut world = world(
        4,
        json!({ "failurePolicy": { "type": "Continue" }, "completionPolicy": { "type": "Never" } }),
    );
    world.settle();
    for (node, phase) in [("n1", "Succeeded"), ("n2", "Failed"), ("n3", "Running")] {
        world.end(node, phase);
        let name = world.pod_on(node).unwrap();
        world.terminate(&name);
    }
    world.pod("n4")["status"]["phase"] = json!("Unknown");
    world.settle();
    assert_eq!(world.status(), "4 1 1 1 running");
}

// BJ-24: of two the later by name is the node's, and both are counted.
#[test]
fn the_later_of_two_pods_is_the_nodes() {
    let mut world = world(1, json!({}));
    world.settle();
    let mut twin = world.pod("n1").clone();
    twin["metadata"]["name"] = json!("zz");
    twin["metadata"]["uid"] = json!("zz");
    twin["status"]["phase"] = json!("Succeeded");
    world.pods.insert("zz".to_owned(), twin);
    world.reconcile();
    // The node's pod has ended, so the job completes although the other one runs.
    assert_eq!(world.status(), "1 1 1 0 completed");
}

// BJ-45: such a pod has not ended.
#[test]
fn a_job_with_a_pod_over_its_restart_limit_does_not_complete() {
    let spec = json!({
        "failurePolicy": { "type": "Continue" }, "template": { "spec": { "restartPolicy": "OnFailure" } },
    });
    let mut world = world(2, spec);
    world.settle();
    world.restart("n1", &[1]);
    world.succeed(&["n2"]);
    let plan = world.settle();
    assert_eq!(world.status(), "2 0 1 1 running");
    assert_eq!(reasons(&plan), ["PodsNotEnded"]);
}

// BJ-P7: a snapshot has the very pods and nodes of the indexes, and shares the list of pods, too.
#[test]
fn pods_are_not_copied_to_be_looked_at() {
    let mut world = world(300, json!({}));
    world.settle();
    let observer = Observer {
        jobs: Store::new(BROADCASTJOBS),
        pods: Store::new(PODS),
        nodes: Store::new(NODES),
        gates: Gates::default(),
        clock: Clock::system(),
    };
    for pod in world.pods.values() {
        observer.pods.apply(decoded(pod));
    }
    let known = world.snapshot();
    for node in &known.nodes {
        observer.nodes.apply(Node::clone(node));
    }
    let snapshot = observer.snapshot(known.job, Memory::default());
    assert_eq!((snapshot.pods.len(), snapshot.nodes.len()), (300, 300));
    for pod in snapshot.pods.iter() {
        let stored = observer.pods.get(&ObjectKey::of(&pod.metadata)).unwrap();
        assert!(Arc::ptr_eq(pod, &stored));
    }
    for node in &snapshot.nodes {
        let stored = observer.nodes.get(&ObjectKey::of(&node.metadata)).unwrap();
        assert!(Arc::ptr_eq(node, &stored));
    }
    let again = observer.snapshot(snapshot.job.clone(), Memory::default());
    assert!(again.pods.is_same(&snapshot.pods));
}

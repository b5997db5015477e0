//! Whatever happens, no plan breaks a rule, and equal snapshots give equal plans.

use broadcastjob_controller::plan::plan;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, world};

/// Something that happens.
#[derive(Debug, Clone)]
enum Act {
    Reconcile,
    Schedule,
    Reap,
    Wait(i64),
    End(usize, &'static str),
    Restart(usize, i32),
    Terminate(usize),
    Vanish(usize),
    /// A pod goes, and somebody else's pod gets its name.
    Squat(usize),
    AddNode,
    RemoveNode(usize),
    ChangeNode(usize, Value),
    ChangeJob(Value),
    DeleteJob,
    Quota(Option<usize>),
    Hold(Option<usize>),
    TimeOut(Option<bool>),
    RestartController,
}

fn node_change() -> impl Strategy<Value = Value> {
    let taint = |effect: &str| json!({ "spec": { "taints": [{ "key": "k", "effect": effect }] } });
    prop::sample::select(vec![
        json!({ "spec": { "unschedulable": true } }),
        json!({ "spec": { "unschedulable": false } }),
        taint("NoSchedule"),
        taint("NoExecute"),
        taint("PreferNoSchedule"),
        json!({ "spec": { "taints": null } }),
        json!({ "metadata": { "labels": { "zone": "b" } } }),
        json!({ "metadata": { "labels": { "zone": "a" } } }),
        json!({ "status": { "allocatable": { "cpu": "1" } } }),
        json!({ "status": { "allocatable": { "cpu": "4" } } }),
    ])
}

fn spec() -> impl Strategy<Value = Value> {
    let requests = |cpu: &str| {
        json!({ "template": { "spec": { "containers": [
            { "name": "scan", "image": "acme/scan:2", "resources": { "requests": { "cpu": cpu } } },
        ] } } })
    };
    prop::sample::select(vec![
        json!({ "parallelism": 1 }),
        json!({ "parallelism": "40%" }),
        json!({ "parallelism": 0 }),
        json!({ "parallelism": "abc" }),
        json!({ "parallelism": null }),
        json!({ "paused": true }),
        json!({ "paused": false }),
        json!({ "failurePolicy": { "type": "Continue" } }),
        json!({ "failurePolicy": { "type": "Pause" } }),
        json!({ "failurePolicy": { "type": "FailFast", "restartLimit": 2 } }),
        json!({ "failurePolicy": null }),
        json!({ "completionPolicy": { "type": "Never" } }),
        json!({ "completionPolicy": { "type": "Always", "ttlSecondsAfterFinished": 30 } }),
        json!({ "completionPolicy": { "activeDeadlineSeconds": 100 } }),
        json!({ "template": { "spec": { "restartPolicy": "OnFailure" } } }),
        json!({ "template": { "spec": { "nodeSelector": { "zone": "a" } } } }),
        json!({ "template": { "spec": { "nodeName": "n1" } } }),
        json!({ "template": { "spec": { "nodeName": null } } }),
        json!({ "template": { "spec": { "tolerations": [{ "operator": "Exists" }] } } }),
        json!({ "template": { "spec": { "tolerations": "all" } } }),
        json!({ "template": { "spec": { "tolerations": null } } }),
        requests("2"),
        requests("0"),
    ])
}

fn act() -> impl Strategy<Value = Act> {
    let one = || 0..100_usize;
    prop_oneof![
        8 => Just(Act::Reconcile),
        3 => Just(Act::Schedule),
        2 => Just(Act::Reap),
        1 => (0..90_i64).prop_map(Act::Wait),
        3 => (one(), prop::sample::select(vec!["Succeeded", "Failed", "Running", "Unknown"]))
            .prop_map(|(pod, phase)| Act::End(pod, phase)),
        1 => (one(), 0..5).prop_map(|(pod, count)| Act::Restart(pod, count)),
        1 => one().prop_map(Act::Terminate),
        1 => one().prop_map(Act::Vanish),
        1 => one().prop_map(Act::Squat),
        1 => Just(Act::AddNode),
        1 => one().prop_map(Act::RemoveNode),
        2 => (one(), node_change()).prop_map(|(node, change)| Act::ChangeNode(node, change)),
        2 => spec().prop_map(Act::ChangeJob),
        1 => Just(Act::DeleteJob),
        1 => prop::option::of(0..4_usize).prop_map(Act::Quota),
        1 => prop::option::of(one()).prop_map(Act::Hold),
        1 => prop::option::of(any::<bool>()).prop_map(Act::TimeOut),
        1 => Just(Act::RestartController),
    ]
}

fn nth<V>(map: &std::collections::BTreeMap<String, V>, index: usize) -> Option<String> {
    map.keys().nth(index.checked_rem(map.len())?).cloned()
}

fn play(world: &mut World, act: Act, n_nodes: &mut usize) {
    match act {
        Act::Reconcile => {
            let snapshot = world.snapshot();
            assert_eq!(plan(&snapshot), plan(&snapshot));
            // Checks the plan.
            world.reconcile();
        }
        Act::Schedule => {
            world.schedule();
        }
        Act::Reap => world.reap(),
        Act::Wait(seconds) => world.pass(seconds),
        Act::End(pod, phase) => {
            if let Some(pod) = nth(&world.pods, pod).and_then(|pod| world.pods.get_mut(&pod))
                && !pod["status"].is_null()
            {
                pod["status"]["phase"] = json!(phase);
            }
        }
        Act::Restart(pod, count) => {
            if let Some(pod) = nth(&world.pods, pod).and_then(|pod| world.pods.get_mut(&pod))
                && !pod["status"].is_null()
            {
                pod["status"]["containerStatuses"] =
                    json!([{ "name": "scan", "restartCount": count }]);
            }
        }
        Act::Terminate(pod) => {
            if let Some(pod) = nth(&world.pods, pod) {
                world.terminate(&pod);
            }
        }
        Act::Vanish(pod) => {
            if let Some(pod) = nth(&world.pods, pod) {
                world.pods.remove(&pod);
            }
        }
        Act::Squat(pod) => {
            if let Some(pod) = nth(&world.pods, pod) {
                world.pods.remove(&pod);
                world.foreign.push(pod);
            }
        }
        Act::AddNode => {
            *n_nodes += 1;
            world.add_node(&format!("n{n_nodes}"));
        }
        Act::RemoveNode(node) => {
            if let Some(node) = nth(&world.nodes, node) {
                world.nodes.remove(&node);
            }
        }
        Act::ChangeNode(node, change) => {
            if let Some(node) = nth(&world.nodes, node) {
                world.change_node(&node, change);
            }
        }
        Act::ChangeJob(spec) => world.change(spec),
        Act::DeleteJob => {
            world.job["metadata"]["deletionTimestamp"] = json!(world.now.to_string());
        }
        Act::Quota(quota) => world.quota = quota,
        Act::Hold(pod) => world.held = pod.and_then(|pod| nth(&world.pods, pod)),
        Act::TimeOut(happens) => world.creations_time_out = happens,
        Act::RestartController => world.restart_controller(),
    }
}

/// Nodes that have several pods, whatever template they are from: a template that names a node makes one pod (DV-BJ9).
fn served_twice(world: &World) -> Vec<String> {
    let nodes = world.served();
    let pairs = nodes.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0].clone()).collect()
}

// So that the properties are not blind on any node.
#[test]
fn a_second_pod_of_any_node_is_seen() {
    for node in ["n1", "n2"] {
        let mut world = world(2, json!({}));
        world.settle();
        assert_eq!(served_twice(&world), Vec::<String>::new());
        let twin = world.pod(node).clone();
        world.pods.insert("twin".to_owned(), twin);
        assert_eq!(served_twice(&world), [node]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn plans_break_no_rule(
        n_nodes in 0..6_usize,
        assign_by_scheduler in any::<bool>(),
        specs in prop::collection::vec(spec(), 0..3),
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let mut world = world(n_nodes, json!({}));
        world.gates.assign_by_scheduler = assign_by_scheduler;
        specs.into_iter().for_each(|spec| world.change(spec));
        let mut n_nodes = n_nodes;
        for act in acts {
            play(&mut world, act, &mut n_nodes);
            prop_assert_eq!(served_twice(&world), Vec::<String>::new(), "{:?}", world.events);
        }
    }

    // Once all is well, every job that can end does.
    #[test]
    fn a_job_that_is_left_alone_ends(
        n_nodes in 1..6_usize,
        parallelism in prop::sample::select(vec![json!(1), json!("40%"), json!(null)]),
        acts in prop::collection::vec(act(), 0..30),
    ) {
        let mut world = world(n_nodes, json!({}));
        let mut n_nodes = n_nodes;
        let acts = acts.into_iter().filter(|act| {
            !matches!(act, Act::ChangeJob(_) | Act::DeleteJob | Act::RemoveNode(_) | Act::Restart(..))
        });
        acts.for_each(|act| play(&mut world, act, &mut n_nodes));
        (world.quota, world.held, world.creations_time_out) = (None, None, None);
        world.change(json!({ "parallelism": parallelism, "failurePolicy": { "type": "Continue" } }));
        let names: Vec<String> = world.nodes.keys().cloned().collect();
        for node in &names {
            let open = json!({ "spec": null, "status": { "allocatable": { "cpu": "4" } } });
            world.change_node(node, open);
        }
        for _ in 0..400 {
            if !world.conditions().is_empty() {
                break;
            }
            world.reconcile();
            world.schedule();
            for pod in world.pods.values_mut() {
                if pod["status"]["phase"] == "Running" || pod["status"]["phase"] == "Unknown" {
                    pod["status"]["phase"] = json!("Succeeded");
                }
            }
            world.reap();
            world.pass(1);
        }
        prop_assert_eq!(world.conditions().len(), 1, "{} {:?}", world.status(), world.events);
    }
}

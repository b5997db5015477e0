//! Whatever happens, no plan breaks a rule, equal snapshots give equal plans, and in the end all pods are updated.

use proptest::prelude::*;
use serde_json::{Value, json};
use sidecarset_controller::plan::plan;

use crate::world::{World, world};

/// Something that happens.
#[derive(Debug, Clone)]
enum Act {
    Reconcile,
    Run(usize),
    Crash(usize, &'static str),
    SetReady(usize, bool),
    Label(usize, &'static str),
    AddPod,
    Terminate(usize),
    Vanish(usize),
    Break(usize, Value),
    Change(Value),
    RestartController,
    Wait(i64),
}

fn sidecars(agent: u32, mesh: u32) -> Value {
    json!({ "containers": [
        { "name": "agent", "image": format!("agent:{agent}") },
        { "name": "mesh", "image": format!("mesh:{mesh}"), "upgradeStrategy": {
            "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1",
        } },
    ] })
}

fn change() -> impl Strategy<Value = Value> {
    let strategy = |strategy: Value| json!({ "updateStrategy": strategy });
    prop_oneof![
        4 => (1..4u32, 1..4u32).prop_map(|(agent, mesh)| sidecars(agent, mesh)),
        3 => prop::sample::select(vec![
            strategy(json!({ "maxUnavailable": 0 })),
            strategy(json!({ "maxUnavailable": 2 })),
            strategy(json!({ "maxUnavailable": "40%" })),
            strategy(json!({ "maxUnavailable": "x" })),
            strategy(json!({ "partition": 2 })),
            strategy(json!({ "partition": "99%" })),
            strategy(json!({ "partition": null })),
            strategy(json!({ "paused": true })),
            strategy(json!({ "paused": false })),
            strategy(json!({ "type": "NotUpdate" })),
            strategy(json!({ "type": "RollingUpdate" })),
            strategy(json!({ "selector": { "matchLabels": { "zone": "a" } } })),
            strategy(json!({ "selector": null })),
            strategy(json!({ "scatterStrategy": [{ "key": "zone", "value": "*" }] })),
            strategy(json!({ "priorityStrategy": { "orderPriority": [{ "orderedKey": "zone" }] } })),
            json!({ "revisionHistoryLimit": 1 }),
            json!({ "customVersion": "v1" }),
            json!({ "patchPodMetadata": [{ "annotations": { "a": "1" }, "patchPolicy": "Overwrite" }] }),
            json!({ "initContainers": [{ "name": "i", "image": "i", "restartPolicy": "Always" }] }),
            json!({ "initContainers": null }),
        ]),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let broken = prop::sample::select(vec![
        json!({ "kruise.io/sidecarset-hash": "oops" }),
        json!({ "kruise.io/sidecarset-hash-without-image": null }),
        json!({ "kruise.io/sidecarset-inplace-update-state": "oops" }),
        json!({ "kruise.io/sidecarset-working-hotupgrade-container": "{}" }),
        json!({ "kruise.io/sidecarset-injected-list": "mesh" }),
    ]);
    let container = prop::sample::select(vec!["agent", "mesh-1", "mesh-2", "main"]);
    prop_oneof![
        12 => Just(Act::Reconcile),
        6 => (0..6usize).prop_map(Act::Run),
        2 => (0..6usize, container).prop_map(|(pod, name)| Act::Crash(pod, name)),
        2 => (0..6usize, any::<bool>()).prop_map(|(pod, ready)| Act::SetReady(pod, ready)),
        1 => (0..6usize, prop::sample::select(vec!["a", "b"])).prop_map(|(pod, zone)| Act::Label(pod, zone)),
        1 => Just(Act::AddPod),
        1 => (0..6usize).prop_map(Act::Terminate),
        1 => (0..6usize).prop_map(Act::Vanish),
        1 => (0..6usize, broken).prop_map(|(pod, change)| Act::Break(pod, change)),
        5 => change().prop_map(Act::Change),
        1 => Just(Act::RestartController),
        1 => (1..30i64).prop_map(Act::Wait),
    ]
}

fn perform(world: &mut World, act: Act) {
    let named = |world: &World, index: usize| {
        let mut names = world.pods.keys();
        names.nth(index % world.pods.len().max(1)).cloned()
    };
    match act {
        Act::Reconcile => {
            let (once, twice) = (world.snapshot(), world.snapshot());
            assert_eq!(plan(&once), plan(&twice));
            world.reconcile();
        }
        Act::AddPod => {
            let name = format!("new-{}", world.pods.len());
            world.add_pod(&name);
        }
        Act::Change(spec) => world.change(spec),
        Act::RestartController => world.memory = Default::default(),
        Act::Wait(seconds) => world.pass(seconds),
        Act::Run(pod)
        | Act::Crash(pod, _)
        | Act::SetReady(pod, _)
        | Act::Label(pod, _)
        | Act::Terminate(pod)
        | Act::Vanish(pod)
        | Act::Break(pod, _) => {
            if let Some(name) = named(world, pod) {
                perform_on(world, &name, act);
            }
        }
    }
}

fn perform_on(world: &mut World, name: &str, act: Act) {
    match act {
        Act::Run(_) => world.run(name),
        Act::Crash(_, container) => world.crash(name, container),
        Act::SetReady(_, is_ready) => world.set_ready(name, is_ready),
        Act::Label(_, zone) => world.label(name, "zone", zone),
        Act::Terminate(_) => world.change_pod(name, |pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
        }),
        Act::Vanish(_) => {
            world.pods.remove(name);
        }
        Act::Break(_, change) => world.change_pod(name, |pod| {
            json_patch::merge(&mut pod["metadata"]["annotations"], &change);
        }),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // SS-210 to SS-255: every plan on the way is checked, and once nothing is in the way, all pods come to the end.
    #[test]
    fn no_plan_breaks_a_rule_and_all_pods_arrive(acts in prop::collection::vec(act(), 1..40)) {
        let mut world = world(4, sidecars(1, 1));
        for act in acts {
            perform(&mut world, act);
        }
        world.change(json!({ "initContainers": null, "updateStrategy": {
            "type": "RollingUpdate", "paused": false, "selector": null, "partition": 0, "maxUnavailable": 1,
            "scatterStrategy": null, "priorityStrategy": null,
        } }));
        world.change(sidecars(4, 4));
        for _ in 0..40 {
            world.run_all();
            if world.reconcile().steps.is_empty() {
                break;
            }
        }
        let snapshot = world.snapshot();
        for known in snapshot.matched() {
            let facts = &known.facts;
            let can_not = !facts.is_updated && !facts.is_upgradable;
            let is_done = facts.is_updated && facts.is_ready && facts.is_consistent;
            // What is recorded can't be read, so that nobody knows what its containers ran.
            let is_unreadable = world.annotation(&known.pod.metadata.name, "kruise.io/sidecarset-inplace-update-state") == "oops";
            prop_assert!(is_done || can_not || is_unreadable, "{:?}", known);
        }
    }
}

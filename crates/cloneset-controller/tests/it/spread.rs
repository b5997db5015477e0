//! Which pods go when the template spreads them over topologies (CS-69, CS-70).

use cloneset_controller::plan::{Plan, Step, needs_nodes};
use kruise_api::meta::StringMap;
use serde_json::{Value, json};

use crate::world::{World, spec};

/// Four pods: three on nodes of zone z1, the newest alone in z2.
fn four_pods(constraints: Value) -> World {
    let mut spec = spec(4, json!({}));
    spec["template"]["spec"]["topologySpreadConstraints"] = constraints;
    let mut world = World::new(spec);
    world.settle();
    for (index, mut pod) in world.pods.values_mut().enumerate() {
        pod["spec"]["nodeName"] = json!(format!("n{index}"));
        let minute = if index == 3 { 9 } else { index };
        for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
            condition["lastTransitionTime"] = json!(format!("2026-01-10T07:0{minute}:00Z"));
        }
    }
    for (node, zone) in [("n0", "z1"), ("n1", "z1"), ("n2", "z1"), ("n3", "z2")] {
        let labels = StringMap::from([("zone".to_owned(), zone.to_owned())]);
        world.nodes.insert(node.to_owned(), labels);
    }
    world
}

fn node_of_the_deleted(world: &World, plan: &Plan) -> Vec<String> {
    let [Step::DeletePods { pods, .. }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    pods.iter()
        .map(|pod| world.pod(&pod.name).spec.node_name.to_string())
        .collect()
}

fn scale_in(mut world: World) -> Vec<String> {
    world.change(json!({ "spec": { "replicas": 3 } }));
    let plan = world.reconcile_without_executing();
    node_of_the_deleted(&world, &plan)
}

// CS-S7
#[test]
fn the_fuller_zone_gives_its_newest_pod() {
    let constraints = json!([{ "topologyKey": "zone", "maxSkew": 1 }]);
    assert_eq!(scale_in(four_pods(constraints)), ["n2"]);
}

// CS-69: one pod a node, so that the newest goes.
#[test]
fn without_constraints_zones_do_not_matter() {
    assert_eq!(scale_in(four_pods(Value::Null)), ["n3"]);
}

// Table 7.1: "node reads fail".
#[test]
fn nodes_that_cannot_be_read_leave_it_to_the_other_keys() {
    let mut world = four_pods(json!([{ "topologyKey": "zone" }]));
    world.nodes.clear();
    assert_eq!(scale_in(world), ["n3"]);
}

// Most sets never have a node read.
#[test]
fn nodes_are_asked_for_only_when_pods_go() {
    for (constraints, replicas, asked) in [
        (json!([{ "topologyKey": "zone" }]), 4, false),
        (json!([{ "topologyKey": "zone" }]), 3, true),
        (Value::Null, 3, false),
    ] {
        let mut world = four_pods(constraints);
        world.change(json!({ "spec": { "replicas": replicas } }));
        assert_eq!(needs_nodes(&world.snapshot()), asked, "{replicas}");
    }
}

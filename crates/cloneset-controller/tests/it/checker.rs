//! The plan checker itself: a rule that finds nothing in a bad plan proves nothing in any test.

use cloneset_controller::{
    check::violations,
    plan::{InPlaceUpdate, NewPod, Plan, PodPatch, PodRef, Step, plan},
    snapshot::Snapshot,
};
use serde_json::json;

use crate::world::{World, spec};

fn settled() -> (World, Snapshot, Vec<PodRef>) {
    let mut world = World::new(spec(4, json!({ "maxUnavailable": 1 })));
    world.settle();
    let snapshot = world.snapshot();
    let pods = snapshot
        .pods
        .iter()
        .map(|pod| PodRef {
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        })
        .collect();
    (world, snapshot, pods)
}

fn with(steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        ..Plan::default()
    }
}

fn create(names: &[&str]) -> Step {
    let pods = names.iter().map(|name| NewPod {
        name: (*name).to_owned(),
        claims: Vec::new(),
        body: json!({}),
    });
    Step::CreatePods {
        batches: vec![pods.collect()],
    }
}

fn update(pod: &PodRef) -> InPlaceUpdate {
    InPlaceUpdate {
        pod: pod.clone(),
        not_ready: None,
        resize: None,
        start: json!({}),
        revision: "web-new".to_owned(),
    }
}

#[track_caller]
fn finds(snapshot: &Snapshot, plan: &Plan, words: &str) {
    let found = violations(snapshot, plan);
    assert!(
        found.iter().any(|violation| violation.contains(words)),
        "{found:?}"
    );
}

#[test]
fn a_good_plan_is_good() {
    let (_, snapshot, _) = settled();
    assert_eq!(
        violations(&snapshot, &plan(&snapshot)),
        Vec::<String>::new()
    );
}

#[test]
fn strangers_and_pods_on_their_way_out() {
    let (mut world, snapshot, pods) = settled();
    let stranger = PodRef {
        name: "other".to_owned(),
        uid: "other".to_owned(),
    };
    finds(
        &snapshot,
        &with(vec![Step::DeletePods {
            pods: vec![stranger],
        }]),
        "not in the snapshot",
    );

    world.pods.get_mut(&pods[0].name).unwrap()["metadata"]["deletionTimestamp"] =
        json!("2026-01-10T08:00:00Z");
    let patch = PodPatch {
        pod: pods[0].clone(),
        writes: Vec::new(),
    };
    let step = Step::PatchPods {
        patches: vec![patch],
    };
    finds(
        &world.snapshot(),
        &with(vec![step]),
        "finished or terminating",
    );
}

#[test]
fn one_pod_twice() {
    let (_, snapshot, pods) = settled();
    let updates = vec![update(&pods[0]), update(&pods[0])];
    finds(
        &snapshot,
        &with(vec![Step::UpdatePodsInPlace { updates }]),
        "touched twice",
    );
}

#[test]
fn names_that_exist_and_too_many_pods() {
    let (_, snapshot, pods) = settled();
    finds(
        &snapshot,
        &with(vec![create(&[&pods[0].name])]),
        "already there",
    );
    finds(
        &snapshot,
        &with(vec![create(&["web-aaaaa"])]),
        "more than replicas",
    );
}

#[test]
fn creating_and_deleting_at_once() {
    let (_, snapshot, pods) = settled();
    let steps = vec![
        create(&["web-aaaaa"]),
        Step::DeletePods {
            pods: vec![pods[0].clone()],
        },
    ];
    finds(&snapshot, &with(steps), "creates and deletes");
}

#[test]
fn too_many_ready_pods_taken() {
    let (_, snapshot, pods) = settled();
    let two = vec![pods[0].clone(), pods[1].clone()];
    finds(
        &snapshot,
        &with(vec![Step::DeletePods { pods: two }]),
        "must stay",
    );
    let updates = vec![update(&pods[0]), update(&pods[1])];
    finds(
        &snapshot,
        &with(vec![Step::UpdatePodsInPlace { updates }]),
        "must stay",
    );
}

#[test]
fn the_partition_broken() {
    let (mut world, _, pods) = settled();
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 4 } } } }));
    let step = Step::UpdatePodsInPlace {
        updates: vec![update(&pods[0])],
    };
    finds(&world.snapshot(), &with(vec![step]), "the partition keeps");
}

#[test]
fn pods_of_a_terminating_or_mismatched_set() {
    let (mut world, _, pods) = settled();
    let delete = with(vec![Step::DeletePods {
        pods: vec![pods[0].clone()],
    }]);
    world.change(json!({ "spec": { "template": { "metadata": { "labels": { "app": "x" } } } } }));
    finds(&world.snapshot(), &delete, "does not match");
    world.set["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    finds(&world.snapshot(), &delete, "terminating CloneSet");
}

#[test]
fn silence() {
    let (mut world, _, _) = settled();
    world.change(json!({ "spec": { "replicas": 5 } }));
    finds(&world.snapshot(), &Plan::default(), "no reason is given");
}

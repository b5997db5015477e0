//! The plan checker itself: a rule that finds nothing in a bad plan proves nothing in any test.

use cloneset_controller::{
    check::violations,
    plan::{BudgetPatch, InPlaceUpdate, NewPod, Plan, PodPatch, PodRef, Step, plan},
    snapshot::Snapshot,
};
use serde_json::{Value, json};

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

/// One of four ready pods may be updated.
fn with_budget() -> (World, Vec<PodRef>) {
    let (mut world, _, pods) = settled();
    world.budgets.insert(
        "shop".to_owned(),
        json!({
            "metadata": { "name": "shop", "uid": "b", "resourceVersion": "7" },
            "status": { "desiredAvailable": 3, "unavailableAllowed": 1 },
        }),
    );
    for pod in world.pods.values_mut() {
        pod["metadata"]["annotations"]["pub.kruise.io/related-pub"] = json!("shop");
    }
    world.set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = json!("100%");
    (world, pods)
}

/// Charges budget `shop` for these pods, and says that so much is left.
fn charge(pods: &[PodRef], left: i32, version: &str) -> Step {
    let entries: Value = pods
        .iter()
        .map(|pod| (pod.name.clone(), json!("2026-01-10T08:00:00Z")))
        .collect();
    Step::SpendBudgets {
        patches: vec![BudgetPatch {
            budget: "shop".to_owned(),
            patch: json!({
                "metadata": { "uid": "b", "resourceVersion": version },
                "status": { "unavailableAllowed": left, "unavailablePods": entries },
            }),
        }],
    }
}

// CS-87
#[test]
fn more_pods_than_a_budget_pays_for() {
    let (world, pods) = with_budget();
    let snapshot = world.snapshot();
    let in_place = |pods: &[PodRef]| Step::UpdatePodsInPlace {
        updates: pods.iter().map(update).collect(),
    };
    let recreate = |pods: &[PodRef]| Step::MarkPodsForRecreate {
        patches: pods
            .iter()
            .map(|pod| PodPatch {
                pod: pod.clone(),
                writes: Vec::new(),
            })
            .collect(),
    };
    let good = with(vec![charge(&pods[..1], 0, "7"), in_place(&pods[..1])]);
    assert_eq!(violations(&snapshot, &good), Vec::<String>::new());

    for updates in [in_place(&pods[..1]), recreate(&pods[..1])] {
        finds(&snapshot, &with(vec![updates.clone()]), "not charged");
        let too_late = with(vec![updates, charge(&pods[..1], 0, "7")]);
        finds(&snapshot, &too_late, "not charged");
    }
    let too_many = with(vec![charge(&pods[..2], -1, "7"), in_place(&pods[..2])]);
    finds(
        &snapshot,
        &too_many,
        "2 ready pods are updated, budget shop allows 1",
    );
    finds(&snapshot, &too_many, "charged 2 of 1");
    let cheated = with(vec![charge(&pods[..1], 1, "7"), in_place(&pods[..1])]);
    finds(&snapshot, &cheated, "charged 1 of 1");
    let unguarded = with(vec![charge(&pods[..1], 0, ""), in_place(&pods[..1])]);
    finds(&snapshot, &unguarded, "without its version");
}

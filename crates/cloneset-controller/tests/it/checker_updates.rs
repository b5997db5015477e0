//! The plan checker on updates, trims and what is to be kept.

use cloneset_controller::{
    check::violations,
    plan::{ClaimRef, OrphanClaim, Phase, Plan, Step},
    snapshot::Snapshot,
};
use kruise_plan::{InPlaceUpdate, PodPatch, PodRef};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    volume_claims,
    world::{World, in_place, spec},
};

#[track_caller]
fn finds(snapshot: &Snapshot, steps: Vec<Step>, words: &str) {
    let plan = Plan {
        steps,
        phase: Phase::Update,
        ..Plan::default()
    };
    let found = violations(snapshot, &plan);
    assert!(
        found.iter().any(|violation| violation.contains(words)),
        "{found:?}"
    );
}

fn pods(snapshot: &Snapshot) -> Vec<PodRef> {
    let pods = snapshot.pods.iter().map(|pod| PodRef {
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
    });
    pods.collect()
}

fn update(world: &World, pods: &[PodRef]) -> Step {
    let revision = world.status("updateRevision").as_str().unwrap().to_owned();
    let updates = pods.iter().map(|pod| InPlaceUpdate {
        pod: pod.clone(),
        seen: Default::default(),
        not_ready: None,
        resize: None,
        start: json!({}),
        revision: revision.clone(),
    });
    Step::UpdatePodsInPlace {
        updates: updates.collect(),
    }
}

fn mark(_: &World, pods: &[PodRef]) -> Step {
    let patches = pods.iter().map(|pod| PodPatch {
        pod: pod.clone(),
        writes: vec![],
    });
    Step::MarkPodsForRecreate {
        patches: patches.collect(),
    }
}

/// Five pods of which none can start, at most two unavailable, and a new template.
fn broken(image: &str) -> World {
    let mut first = spec(5, in_place(json!(2)));
    first["template"]["spec"]["containers"][0]["image"] = json!(image);
    let mut world = World::new(first);
    world.settle();
    world.set_image("acme/app:2");
    world.reconcile();
    world
}

// CS-86, DV-CS16: a few at a time, broken or not.
#[rstest]
#[case::in_place(update)]
#[case::anew(mark)]
fn too_many_at_the_new_revision(#[case] step: fn(&World, &[PodRef]) -> Step) {
    let world = broken("acme/app:bad");
    let snapshot = world.snapshot();
    let pods = pods(&snapshot);
    let good = Plan {
        steps: vec![step(&world, &pods[..2])],
        phase: Phase::Update,
        ..Plan::default()
    };
    assert_eq!(violations(&snapshot, &good), Vec::<String>::new());
    finds(
        &snapshot,
        vec![step(&world, &pods[..3])],
        "3 pods are updated",
    );
}

// CS-86: what serves stays while others are missing.
#[test]
fn pods_that_serve_are_marked_beyond_the_limit() {
    let mut world = broken("acme/app:1");
    let gone: Vec<String> = world.pods.keys().take(2).collect();
    for name in gone {
        world.pods.remove(&name);
    }
    let snapshot = world.snapshot();
    let step = mark(&world, &pods(&snapshot)[..1]);
    finds(&snapshot, vec![step], "1 pods that serve");
}

// CS-22, 12 and 13
#[test]
fn a_trim_among_other_work() {
    let world = broken("acme/app:1");
    let trim = Step::PatchCloneSet { patch: Value::Null };
    finds(&world.snapshot(), vec![trim], "in phase Update");

    let among_trims = Plan {
        steps: vec![mark(&world, &pods(&world.snapshot())[..1])],
        phase: Phase::Trim,
        ..Plan::default()
    };
    let found = violations(&world.snapshot(), &among_trims);
    let misplaced = found.iter().filter(|it| it.contains("in phase Trim"));
    assert_eq!(misplaced.count(), 1, "{found:?}");
}

fn orphan(snapshot: &Snapshot, pod: &str) -> Step {
    let claim = format!("data-{pod}");
    let mut claims = snapshot.claims.iter();
    let claim = claims.find(|known| known.metadata.name == claim).unwrap();
    Step::DeleteOrphanClaims {
        claims: vec![OrphanClaim {
            claim: ClaimRef {
                name: claim.metadata.name.clone(),
                uid: claim.metadata.uid.clone(),
            },
            pod: Some(pod.to_owned()),
        }],
    }
}

// DV-CS17
#[test]
fn claims_that_are_to_be_kept() {
    let mut world = volume_claims::settled(2, false);
    let pod = volume_claims::first_pod(&world);
    world.pods.get_mut(&pod).unwrap()["metadata"]["ownerReferences"] = json!([]);
    let snapshot = world.snapshot();
    finds(
        &snapshot,
        vec![orphan(&snapshot, &pod)],
        "which is not ours",
    );
    world.terminate();
    world.pods.remove(&pod);
    let snapshot = world.snapshot();
    finds(
        &snapshot,
        vec![orphan(&snapshot, &pod)],
        "claims of a terminating CloneSet",
    );
}

//! What is tidied up at the end of a pass: its failures are logged and stop nothing (CS-22, steps 12 and 13).

use cloneset_controller::{
    memory::{Found, Memory},
    plan::{Phase, Plan, Step},
    snapshot::Snapshot,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{World, in_place, remembered, settled};

/// Has a name in `podsToDelete` that no pod has, and a revision too many.
fn untidy() -> World {
    let mut world = settled(1, in_place(json!(1)));
    world.set_image("acme/app:2");
    world.settle();
    world.change(json!({ "spec": {
        "revisionHistoryLimit": 0,
        "scaleStrategy": { "podsToDelete": ["gone"] },
    } }));
    // The status is written first; both carry the CloneSet's version.
    world
}

fn trims(plan: &Plan) -> (usize, Vec<&Value>) {
    let revisions = plan
        .steps
        .iter()
        .filter(|step| matches!(step, Step::DeleteRevision { .. }));
    let patches = plan.steps.iter().filter_map(|step| match step {
        Step::PatchCloneSet { patch } => Some(patch),
        _ => None,
    });
    (revisions.count(), patches.collect())
}

// A failed trim must not become a failed update, which is never taken back (CS-119).
#[test]
fn tidying_up_is_no_part_of_scaling_or_updating() {
    let mut world = untidy();
    world.edit_set()["status"]["observedGeneration"] =
        world.set()["metadata"]["generation"].clone();
    let plan = world.reconcile_without_executing();
    assert!(
        !matches!(plan.phase, Phase::Scale | Phase::Update),
        "{plan:#?}"
    );
}

// Neither waits for the other to succeed.
#[test]
fn both_are_trimmed_in_one_pass() {
    let mut world = untidy();
    world.edit_set()["status"]["observedGeneration"] =
        world.set()["metadata"]["generation"].clone();
    let plan = world.reconcile_without_executing();
    assert_eq!(plan.status, None);
    let (revisions, patches) = trims(&plan);
    assert_eq!((revisions, patches.len()), (1, 1), "{plan:#?}");
}

// After a write of the status the CloneSet's version is another one; revisions do not mind.
#[test]
fn history_is_trimmed_beside_a_status() {
    let world = untidy();
    let plan = world.reconcile_without_executing();
    assert!(plan.status.is_some());
    let (revisions, patches) = trims(&plan);
    assert_eq!((revisions, patches.len()), (1, 0), "{plan:#?}");
}

// CS-65: an emptied list goes, so that the object is as it was before.
#[test]
fn an_emptied_list_of_pods_to_delete_goes() {
    let mut world = untidy();
    world.settle();
    assert_eq!(
        world.set()["spec"]["scaleStrategy"].get("podsToDelete"),
        None
    );
}

#[test]
fn names_that_remain_keep_their_order() {
    let mut world = settled(3, json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    // No room for either deletion.
    let mut names: Vec<String> = world.pods.keys().rev().take(2).collect();
    world.change(json!({ "spec": { "replicas": 3, "scaleStrategy": {
        "maxUnavailable": 0,
        "podsToDelete": [names[0], "gone", names[1], "gone-too"],
    } } }));
    world.settle();
    names.truncate(2);
    assert_eq!(
        world.set()["spec"]["scaleStrategy"]["podsToDelete"],
        json!(names)
    );
}

// What can't be trimmed now is left alone for a minute, whatever happens to the pods meanwhile, and then tried again.
#[test]
fn a_failed_trim_waits() {
    let mut world = untidy();
    world.edit_set()["status"]["observedGeneration"] =
        world.set()["metadata"]["generation"].clone();
    let snapshot = world.snapshot();
    let plan = world.reconcile_without_executing();
    let failed = Some("patch CloneSet ns/web: refused".to_owned());
    world.memory = tried(&snapshot, &plan, failed.clone());
    let waits = world.reconcile_without_executing();
    assert_eq!((waits.steps.len(), waits.phase == Phase::Trim), (0, false));
    assert_eq!(waits.requeue_after.map(|wait| wait.as_secs()), Some(60));

    // It is remembered what was told, until it succeeds.
    world.memory = tried(&world.snapshot(), &waits, None);
    assert_eq!(
        world.memory.failed_trim.as_ref().map(|(why, _)| why),
        failed.as_ref()
    );
    world.pass(SignedDuration::from_secs(61));
    let again = world.reconcile();
    assert_eq!(again.phase, Phase::Trim);
    assert_eq!(world.memory.failed_trim, None);
}

/// What is remembered after tidying up was tried.
fn tried(snapshot: &Snapshot, plan: &Plan, failed_trim: Option<String>) -> Memory {
    let found = Found {
        failed_trim,
        ..Found::default()
    };
    remembered(snapshot, plan, found)
}

//! The history of a SidecarSet (SS-73 to SS-78).

use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::plan::{Plan, Step};

use crate::world::{World, agent, world};

fn names(world: &World) -> Vec<(String, i64)> {
    let revisions = world.revisions.iter();
    revisions
        .map(|it| {
            (
                text(&it["metadata"]["name"]),
                it["revision"].as_i64().unwrap(),
            )
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn created(plan: &Plan) -> &Value {
    let [Step::CreateRevision { body }] = &plan.steps[..] else {
        panic!("{plan:?}");
    };
    body
}

/// The set's spec goes through these versions of its image.
fn history(spec: Value, images: &[&str]) -> World {
    let mut world = world(0, spec);
    for image in images {
        world.change(json!({ "containers": agent(image) }));
        world.settle();
    }
    world
}

// SS-73 to SS-75
#[test]
fn a_revision_is_what_openkruise_would_have_written() {
    let mut world = world(0, json!({}));
    world.set["metadata"]["annotations"] = json!({ "note": "mine" });
    world.change(json!({ "containers": agent("agent:2"), "customVersion": "v2" }));
    let plan = world.reconcile();
    let body = created(&plan);
    let metadata = &body["metadata"];
    let hash = text(&metadata["labels"]["controller.kubernetes.io/hash"]);
    assert_eq!(metadata["name"], format!("log-{hash}"));
    assert_eq!(metadata["namespace"], "kruise-system");
    assert_eq!(
        metadata["labels"],
        json!({
            "team": "obs", "controller.kubernetes.io/hash": hash, "kruise.io/sidecarset-name": "log",
            "apps.kruise.io/sidecarset-custom-version": "v2",
        })
    );
    let annotations = metadata["annotations"].as_object().unwrap();
    let keys: Vec<&String> = annotations.keys().collect();
    assert_eq!(
        keys,
        [
            "kruise.io/sidecarset-hash",
            "kruise.io/sidecarset-hash-without-image",
            "note"
        ]
    );
    assert_eq!(
        metadata["ownerReferences"],
        json!([{
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "SidecarSet", "name": "log", "uid": "set-uid",
            "controller": true, "blockOwnerDeletion": true,
        }])
    );
    assert_eq!(body["revision"], 2);
    assert_eq!(body["data"]["spec"]["containers"][0]["image"], "agent:2");
    world.settle();
    assert_eq!(world.set["status"]["latestRevision"], metadata["name"]);
    assert_eq!(world.set["status"]["collisionCount"], 0);
    assert_eq!(world.set["status"]["observedGeneration"], 2);
}

// SS-75: of a long name, 223 characters are kept.
#[test]
fn a_long_name_is_cut() {
    let mut world = world(0, json!({}));
    world.set["metadata"]["name"] = json!("a".repeat(250));
    let plan = world.reconcile();
    let name = text(&created(&plan)["metadata"]["name"]);
    assert_eq!(name.split('-').next().unwrap().len(), 223);
}

// SS-76, SS-A39: an older spec is found again and becomes the newest.
#[test]
fn a_roll_back_creates_nothing() {
    let mut world = history(json!({}), &["agent:2", "agent:3"]);
    let before = names(&world);
    assert_eq!(
        before.iter().map(|(_, number)| *number).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    world.change(json!({ "containers": agent("agent:1") }));
    world.settle();
    let after = names(&world);
    assert_eq!(after.len(), 3);
    assert_eq!((after[0].0.as_str(), after[0].1), (before[0].0.as_str(), 4));
    assert_eq!(world.set["status"]["latestRevision"], after[0].0);
}

// SS-77: an emptied version removes nothing.
#[test]
fn the_version_is_put_on_the_latest_revision() {
    let mut world = world(0, json!({}));
    let label = |world: &World| {
        world.revisions[0]["metadata"]["labels"]["apps.kruise.io/sidecarset-custom-version"].clone()
    };
    assert_eq!(label(&world), Value::Null);
    for (version, expected) in [("v1", "v1"), ("v2", "v2"), ("", "v2")] {
        world.change(json!({ "customVersion": version }));
        world.settle();
        assert_eq!(label(&world), expected);
    }
    assert_eq!(names(&world).len(), 1);
}

// SS-76, SS-77: one patch for a roll-back with another version.
#[test]
fn number_and_version_go_in_one_patch() {
    let mut world = history(json!({}), &["agent:2"]);
    world.change(json!({ "containers": agent("agent:1"), "customVersion": "old" }));
    let plan = world.reconcile();
    let [Step::PatchRevision { patch, .. }] = &plan.steps[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(patch["revision"], 3);
    assert_eq!(
        patch["metadata"]["labels"],
        json!({ "apps.kruise.io/sidecarset-custom-version": "old" })
    );
}

// SS-A39, SS-78
#[test]
fn a_history_keeps_what_pods_are_at() {
    let mut world = world(0, json!({ "revisionHistoryLimit": 2 }));
    world.add_pod("web-0");
    world.change(json!({ "updateStrategy": { "paused": true } }));
    for image in ["agent:2", "agent:3", "agent:4"] {
        world.change(json!({ "containers": agent(image) }));
        world.settle();
    }
    let numbers: Vec<i64> = names(&world).iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [1, 4]);
    world.change(json!({ "containers": agent("agent:1") }));
    world.settle();
    let numbers: Vec<i64> = names(&world).iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [5, 4]);
}

// SS-78
#[rstest]
#[case::one(json!(1), 1)]
#[case::zero(json!(0), 1)]
#[case::negative(json!(-3), 1)]
#[case::three(json!(3), 3)]
#[case::default(Value::Null, 4)]
fn a_limit_bounds_the_history(#[case] limit: Value, #[case] expected: usize) {
    let world = history(
        json!({ "revisionHistoryLimit": limit }),
        &["a:2", "a:3", "a:4"],
    );
    assert_eq!(names(&world).len(), expected);
}

// SS-78: what the injection names stays.
#[rstest]
#[case::by_name(false)]
#[case::by_version(true)]
fn what_new_pods_get_is_kept(#[case] by_version: bool) {
    let mut world = world(
        0,
        json!({ "customVersion": "v1", "revisionHistoryLimit": 1 }),
    );
    let first = names(&world)[0].0.clone();
    let revision = if by_version {
        json!({ "customVersion": "v1" })
    } else {
        json!({ "revisionName": first })
    };
    world.change(json!({ "injectionStrategy": { "revision": revision }, "customVersion": "" }));
    for image in ["a:2", "a:3"] {
        world.change(json!({ "containers": agent(image) }));
        world.settle();
    }
    let left: Vec<String> = names(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&first));
}

// SS-76: a name that others have is passed over, and counted.
#[test]
fn a_taken_name_is_passed_over() {
    let mut world = world(0, json!({}));
    let name = names(&world)[0].0.clone();
    world.revisions[0]["data"] = json!({ "other": true });
    world.revisions[0]["metadata"]["labels"] = json!({});
    world.settle();
    let names = names(&world);
    assert_eq!(names.len(), 2);
    assert_ne!(names[1].0, name);
    assert_eq!(world.set["status"]["latestRevision"], names[1].0);
    assert_eq!(world.set["status"]["collisionCount"], 1);
}

// SS-280: the revisions of a set that is gone are not ours; one of them that stores the same is used while it is there.
#[test]
fn a_set_that_was_made_anew_uses_what_is_left() {
    let mut world = world(0, json!({}));
    let name = names(&world)[0].0.clone();
    world.set["metadata"]["uid"] = json!("made-anew");
    world.set["status"] = json!({ "matchedPods": 0, "updatedPods": 0, "readyPods": 0 });
    world.settle();
    assert_eq!(names(&world).len(), 1);
    assert_eq!(world.set["status"]["latestRevision"], name);
    world.revisions.clear();
    world.settle();
    let owner = &world.revisions[0]["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], "made-anew");
}

// SS-73, SS-78: revisions of others are never deleted.
#[test]
fn other_sets_keep_their_history() {
    let mut world = history(json!({ "revisionHistoryLimit": 1 }), &["a:2"]);
    let mut other = world.revisions[0].clone();
    other["metadata"]["name"] = json!("log-other");
    other["metadata"]["uid"] = json!("r");
    other["metadata"]["labels"]["kruise.io/sidecarset-name"] = json!("log-2");
    other["metadata"]["ownerReferences"][0]["uid"] = json!("other");
    world.revisions.push(other);
    world.change(json!({ "containers": agent("a:3") }));
    world.settle();
    let left: Vec<String> = names(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&"log-other".to_owned()));
}

// SS-272: while the spec is not registered, nothing else is done.
#[test]
fn a_spec_is_registered_before_anything_else() {
    let mut world = world(2, json!({ "updateStrategy": { "maxUnavailable": 2 } }));
    world.change(json!({ "containers": agent("agent:2") }));
    let plan = world.reconcile();
    created(&plan);
}

//! Scenarios of the behaviour contract, told on the simulated cluster.

use cloneset_controller::{
    gates::Gates,
    plan::{Step, plan},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{World, in_place, reasons, settled, spec, template};

// CS-S1, CS-60
#[test]
fn a_new_set_creates_its_revision_and_then_pods_in_growing_batches() {
    let mut world = World::new(spec(5, json!({})));
    let first = world.reconcile();
    assert!(matches!(first.steps[..], [Step::CreateRevision { .. }]));
    let second = world.reconcile();
    let [Step::CreatePods { batches }] = &second.steps[..] else {
        panic!("{second:#?}")
    };
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 2]);
    assert_eq!(world.revisions.len(), 1);
    let revision = world.revisions.values().next().unwrap();
    assert_eq!(revision["revision"], json!(1));
    let pod = batches[0][0].body().whole().into_owned();
    assert_eq!(
        pod["metadata"]["labels"]["lifecycle.apps.kruise.io/state"],
        "PreparingNormal"
    );
    assert_eq!(
        pod["metadata"]["labels"]["controller-revision-hash"],
        revision["metadata"]["name"]
    );
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(5));
}

// ARCHITECTURE.md, invariant 4: creation costs two writes a pod, in place three, ReCreate four.
#[test]
fn writes_per_pod_are_the_least_possible() {
    let mut world = settled(4, in_place(json!("100%")));
    assert_eq!(world.pod_writes(), 2 * 4, "create: {:#?}", world.story());
    world.count_anew();
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.pod_writes(), 3 * 4, "in place: {:#?}", world.story());
    world.count_anew();
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": {
        "podUpdatePolicy": "ReCreate" } } } }));
    world.set_image("acme/app:3");
    world.settle();
    assert_eq!(world.pod_writes(), 4 * 4, "ReCreate: {:#?}", world.story());
}

// A settled object is never written, however often it is looked at.
#[test]
fn a_settled_set_plans_nothing() {
    let mut world = settled(3, in_place(json!(1)));
    for _ in 0..5 {
        world.pass(SignedDuration::from_secs(60));
        let plan = world.reconcile();
        assert_eq!((plan.steps.len(), plan.status), (0, None));
        assert!(plan.waiting_on.is_empty());
    }
}

// ARCHITECTURE.md, invariant 1: equal snapshots give equal plans.
#[test]
fn planning_twice_gives_the_same_plan() {
    let mut world = World::new(spec(5, json!({})));
    world.reconcile();
    let snapshot = world.snapshot();
    assert_eq!(plan(&snapshot), plan(&snapshot));
}

// CS-S9, IP-S1
#[test]
fn an_image_changes_in_place_two_at_a_time() {
    let mut world = settled(10, in_place(json!(2)));
    let uids = world.uids();
    world.set_image("acme/app:2");
    let revision = world.reconcile();
    assert!(matches!(revision.steps[..], [Step::CreateRevision { .. }]));
    let update = world.reconcile();
    let [.., Step::UpdatePodsInPlace { updates }] = &update.steps[..] else {
        panic!("{update:#?}")
    };
    assert_eq!(updates.len(), 2);
    assert!(updates.iter().all(|update| update.not_ready.is_some()));
    world.settle();
    assert_eq!(world.uids(), uids);
    assert!(world.images().iter().all(|image| image == "acme/app:2"));
    assert_eq!(
        world.status("currentRevision"),
        world.status("updateRevision")
    );
}

// CS-S8, CS-91
#[test]
fn recreate_marks_then_deletes_then_creates() {
    let mut world = settled(10, json!({ "maxUnavailable": 2 }));
    world.set_image("acme/app:2");
    world.reconcile();
    let marked = world.reconcile();
    let [Step::MarkPodsForRecreate { patches }] = &marked.steps[..] else {
        panic!("{marked:#?}")
    };
    assert_eq!(patches.len(), 2);
    let deleted = world.reconcile();
    let [Step::DeletePods { pods, .. }] = &deleted.steps[..] else {
        panic!("{deleted:#?}")
    };
    assert_eq!(pods.len(), 2);
    let created = world.reconcile();
    let [Step::CreatePods { batches }] = &created.steps[..] else {
        panic!("{created:#?}")
    };
    assert_eq!(batches.iter().flatten().count(), 2);
    let waiting = world.reconcile();
    assert!(
        waiting.steps.is_empty(),
        "nothing more until the new pods are available: {waiting:#?}"
    );
    assert_eq!(reasons(&waiting), ["MaxUnavailableReached"]);
    world.settle();
    assert!(world.images().iter().all(|image| image == "acme/app:2"));
}

// CS-S10
#[test]
fn the_partition_stops_the_roll_out_and_says_so() {
    let mut strategy = in_place(json!("100%"));
    strategy["partition"] = json!(7);
    let mut world = settled(10, strategy);
    let old = world.status("currentRevision");
    world.set_image("acme/app:2");
    let last = world.settle();
    assert_eq!(reasons(&last), ["PartitionReached"]);
    assert_eq!(world.status("updatedReplicas"), json!(3));
    assert_eq!(world.status("expectedUpdatedReplicas"), json!(3));
    assert_eq!(world.status("currentRevision"), old);
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 0 } } } }));
    world.settle();
    assert_eq!(
        world.status("currentRevision"),
        world.status("updateRevision")
    );
    assert_eq!(world.status("expectedUpdatedReplicas"), json!(10));
}

// CS-S14, CS-63
#[test]
fn surge_never_goes_below_replicas() {
    let mut world = settled(5, json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.pods.len(), 5);
    assert!(world.images().iter().all(|image| image == "acme/app:2"));
}

// CS-S15
#[test]
fn a_pod_specified_for_deletion_is_replaced() {
    let mut world = settled(5, json!({ "maxUnavailable": 1 }));
    let name = world.pods.keys().next().unwrap();
    let uid = world.pods.at(&name)["metadata"]["uid"].clone();
    world.pods.get_mut(&name).unwrap()["metadata"]["labels"]["apps.kruise.io/specified-delete"] =
        json!("yes");
    world.settle();
    assert_eq!(world.pods.len(), 5);
    assert!(!world.uids().iter().any(|kept| json!(kept) == uid));
}

// CS-S25: a raised partition moves pods back only with the gate.
#[test]
fn raising_the_partition_rolls_back_only_with_the_gate() {
    let mut strategy = in_place(json!(1));
    strategy["partition"] = json!(3);
    let mut world = settled(5, strategy);
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.status("updatedReplicas"), json!(2));
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 5 } } } }));
    world.settle();
    assert_eq!(world.status("updatedReplicas"), json!(2), "the gate is off");
    world.gates = Gates {
        partition_rollback: true,
        ..Gates::default()
    };
    world.settle();
    assert_eq!(world.status("updatedReplicas"), json!(0));
    assert!(world.images().iter().all(|image| image == "acme/app:1"));
}

// CS-S26, IP-S19
#[test]
fn a_roll_back_reuses_the_revision_with_a_new_number() {
    let mut world = settled(2, in_place(json!(1)));
    let first = world.status("updateRevision");
    world.set_image("acme/app:2");
    world.settle();
    // A revision without annotations must not stop it (CS-P5).
    let name = first.as_str().unwrap();
    world.revisions.get_mut(name).unwrap()["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    world.set_image("acme/app:1");
    world.settle();
    assert_eq!(world.status("updateRevision"), first);
    assert_eq!(world.revisions.at(name)["revision"], json!(3));
    assert_eq!(world.revisions.len(), 2);
}

// CS-40, IP-S18
#[test]
fn history_is_trimmed_to_its_limit() {
    let mut world = settled(1, in_place(json!(1)));
    world.change(json!({ "spec": { "revisionHistoryLimit": 3 } }));
    for version in 2..9 {
        world.set_image(&format!("acme/app:{version}"));
        world.settle();
    }
    assert_eq!(
        world.revisions.len(),
        3 + 1,
        "three of the history and the one in use"
    );
}

// CS-S31, CS-94
#[test]
fn paused_updates_nothing_and_says_so() {
    let mut strategy = in_place(json!(1));
    strategy["paused"] = json!(true);
    let mut world = settled(3, strategy);
    world.set_image("acme/app:2");
    let last = world.settle();
    assert_eq!(reasons(&last), ["Paused"]);
    assert!(world.images().iter().all(|image| image == "acme/app:1"));
}

// CS-S32, CS-95
#[test]
fn on_delete_updates_only_what_others_delete() {
    let mut world = World::new(spec(5, json!({})));
    world.change(json!({ "spec": { "updateStrategy": {
        "type": "OnDelete", "rollingUpdate": null } } }));
    world.settle();
    world.set_image("acme/app:2");
    let last = world.settle();
    assert_eq!(reasons(&last), ["OnDelete"]);
    let name = world.pods.keys().next().unwrap();
    world.pods.remove(&name);
    world.settle();
    let updated = world
        .images()
        .iter()
        .filter(|image| *image == "acme/app:2")
        .count();
    assert_eq!((world.pods.len(), updated), (5, 1));
}

// DV-CS9
#[test]
fn a_template_that_does_not_match_creates_nothing() {
    let mut world = World::new(spec(3, json!({})));
    let mut typo = template("acme/app:1");
    typo["metadata"]["labels"] = json!({ "app": "typo" });
    world.change(json!({ "spec": { "template": typo } }));
    let first = world.reconcile();
    assert_eq!(first.events.len(), 1);
    assert!(
        first.events[0]
            .message
            .contains("spec.template.metadata.labels")
    );
    let second = world.reconcile();
    assert!(second.events.is_empty(), "told once");
    assert!(second.status.is_none(), "written once");
    assert!(world.pods.is_empty() && world.revisions.is_empty());
    let condition = world.condition("Waiting").unwrap();
    assert_eq!(condition["reason"], "InvalidSpec");
}

#[test]
fn negative_replicas_touch_nothing() {
    let mut world = settled(2, json!({}));
    let uids = world.uids();
    world.change(json!({ "spec": { "replicas": -1 } }));
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["InvalidSpec"]);
    assert_eq!(world.uids(), uids);
    assert!(
        world.condition("Waiting").unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("replicas")
    );
}

// A reason goes into the status after ten seconds, and leaves with its cause.
#[test]
fn a_stuck_roll_out_says_why_in_the_status() {
    let mut world = settled(5, in_place(json!(2)));
    world.set_image("acme/app:bad");
    world.settle();
    assert!(
        world.condition("Waiting").is_none(),
        "not within ten seconds"
    );
    world.pass(SignedDuration::from_secs(11));
    world.settle();
    let condition = world.condition("Waiting").unwrap();
    assert_eq!(condition["reason"], "MaxUnavailableReached");
    assert!(
        condition["message"]
            .as_str()
            .unwrap()
            .contains("ImagePullBackOff")
    );
    let bad = world
        .images()
        .iter()
        .filter(|image| *image == "acme/app:bad")
        .count();
    assert_eq!(bad, 2, "stops at maxUnavailable (CS-P12)");
    world.pass(SignedDuration::from_secs(60));
    assert_eq!(
        world.reconcile().status,
        None,
        "a held reason is written once"
    );

    world.set_image("acme/app:3");
    world.settle();
    assert!(world.condition("Waiting").is_none());
    assert!(world.images().iter().all(|image| image == "acme/app:3"));
}

// IP-S4, IP-37: the grace period runs between not ready and the change.
#[test]
fn a_grace_period_drains_before_the_change() {
    let mut strategy = in_place(json!(1));
    strategy["inPlaceUpdateStrategy"] = json!({ "gracePeriodSeconds": 30 });
    let mut world = settled(1, strategy);
    world.set_image("acme/app:2");
    world.reconcile();
    let start = world.reconcile();
    assert!(matches!(
        start.steps[..],
        [.., Step::UpdatePodsInPlace { .. }]
    ));
    assert_eq!(start.requeue_after.map(|after| after.as_secs()), Some(30));
    world.pass(SignedDuration::from_secs(10));
    let during = world.reconcile();
    assert!(during.steps.is_empty());
    assert_eq!(reasons(&during), ["GracePeriod"]);
    assert_eq!(world.images(), ["acme/app:1"]);
    world.pass(SignedDuration::from_secs(21));
    world.settle();
    assert_eq!(world.images(), ["acme/app:2"]);
    assert_eq!(world.status("availableReplicas"), json!(1));
}

// CS-S18: a preDelete hook holds the pod; wanted again, it comes back.
#[test]
fn a_pre_delete_hook_holds_the_pod() {
    let mut world = settled(3, json!({}));
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["finalizers"] = json!(["acme.io/drain"]);
    }
    world.change(json!({ "spec": { "replicas": 2,
        "lifecycle": { "preDelete": { "finalizersHandler": ["acme.io/drain"] } } } }));
    let held = world.settle();
    assert_eq!(reasons(&held), ["Hook"]);
    assert_eq!(world.pods.len(), 3);
    assert_eq!(world.status("availableReplicas"), json!(2));
    world.change(json!({ "spec": { "replicas": 3 } }));
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(3));
}

// CS-S21: preNormal.
#[test]
fn a_pre_normal_hook_keeps_a_pod_from_being_available() {
    let mut world = World::new(spec(1, json!({})));
    world.change(json!({ "spec": {
        "lifecycle": { "preNormal": { "labelsHandler": { "ok": "yes" } } } } }));
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(0));
    assert_eq!(world.status("readyReplicas"), json!(1));
    let name = world.pods.keys().next().unwrap();
    world.pods.get_mut(&name).unwrap()["metadata"]["labels"]["ok"] = json!("yes");
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(1));
}

// CS-120, CS-122, CS-S39, DV-CS8
#[test]
fn the_progress_deadline_runs_from_the_last_progress() {
    let mut world = World::new(spec(1, json!({})));
    let mut bad = template("acme/app:bad");
    bad["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .truncate(1);
    world.change(json!({ "spec": { "template": bad, "progressDeadlineSeconds": 60 } }));
    world.settle();
    let reason = |world: &World| world.condition("Progressing").unwrap()["reason"].clone();
    assert_eq!(reason(&world), "CloneSetUpdated");
    world.pass(SignedDuration::from_secs(61));
    world.settle();
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");

    let mut other = settled(2, in_place(json!(1)));
    other.change(json!({ "spec": { "progressDeadlineSeconds": 60 } }));
    other.settle();
    assert_eq!(reason(&other), "CloneSetAvailable");
    other.pass(SignedDuration::from_secs(600));
    other.set_image("acme/app:2");
    other.reconcile();
    assert_eq!(
        reason(&other),
        "CloneSetUpdated",
        "no false alarm on the first pass"
    );
    other.settle();
    assert_eq!(reason(&other), "CloneSetAvailable");
}

// CS-23
#[test]
fn a_terminating_set_touches_no_pod() {
    let mut world = settled(3, json!({}));
    world.terminate();
    world.change(json!({ "spec": { "replicas": 1 } }));
    let plan = world.settle();
    assert!(plan.steps.is_empty());
    assert_eq!(world.pods.len(), 3);
}

// CS-37, IP-131: the name of the revision is taken by somebody else's.
#[test]
fn a_taken_revision_name_counts_a_collision() {
    let mut world = World::new(spec(1, json!({})));
    let step = plan(&world.snapshot()).steps.pop().unwrap();
    let Step::CreateRevision { body } = step else {
        panic!("{step:?}")
    };
    let name = body["metadata"]["name"].as_str().unwrap().to_owned();
    world.revisions.insert(
        json!({ "metadata": { "name": name, "uid": "other" }, "data": { "spec": 1 }, "revision": 1 }),
    );
    world.settle();
    assert_eq!(world.status("collisionCount"), json!(1));
    assert_ne!(world.status("updateRevision"), json!(name));
    assert_eq!(world.pods.len(), 1);
}

// The pods carry what identifies them, and nothing is left of a second image (CS-P8).
#[test]
fn pods_made_under_a_partition_are_of_the_old_revision() {
    let mut strategy = in_place(json!("100%"));
    strategy["partition"] = json!(4);
    let mut world = settled(4, strategy);
    world.set_image("acme/app:2");
    world.settle();
    let gone = world.pods.keys().next().unwrap();
    world.pods.remove(&gone);
    world.settle();
    assert_eq!(world.images(), vec!["acme/app:1"; 4]);
    let labels = &world
        .pod(&world.pods.keys().next().unwrap())
        .metadata
        .labels;
    assert_eq!(
        json!(labels.get("controller-revision-hash")),
        world.status("currentRevision")
    );
}

// CS-25, CloneSet 7.1: a quota that refuses new pods does not keep the others from being updated.
#[test]
fn updates_go_on_while_creations_fail() {
    let mut world = settled(3, in_place(json!("100%")));
    world.policy.refuses_pods = true;
    world.change(json!({ "spec": { "replicas": 5 } }));
    world.set_image("acme/app:2");
    for _ in 0..40 {
        world.reconcile();
        world.kubelets();
    }
    assert_eq!(world.images(), vec!["acme/app:2"; 3]);
    assert_eq!(world.status("availableReplicas"), json!(3));
    assert_eq!(world.condition("FailedScale").unwrap()["status"], "True");
    world.policy.refuses_pods = false;
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(5));
}

// CS-28, IP-S40: a pod that names us as owner, but not as the one that manages it, is adopted;
// one that another manages is left alone.
#[test]
fn an_orphan_that_names_us_is_adopted_and_a_strangers_pod_is_not() {
    let mut world = settled(2, json!({}));
    let uids = world.uids();
    let orphan = world.pods.keys().next().unwrap();
    let owner = |world: &mut World, name: &str, field: &str, value: Value| {
        world.pods.get_mut(name).unwrap()["metadata"]["ownerReferences"][0][field] = value;
    };
    owner(&mut world, &orphan, "controller", json!(false));
    let plan = world.reconcile();
    let [Step::AdoptPods { patches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(patches[0].pod.name, orphan);
    world.settle();
    assert_eq!(world.uids(), uids);

    let mut another = spec(0, json!({}));
    another["selector"]["matchLabels"] = json!({ "app": "another" });
    world.sets.insert(json!({
        "metadata": { "name": "another", "uid": "another-set" }, "spec": another,
    }));
    owner(&mut world, &orphan, "uid", json!("another-set"));
    world.settle();
    assert_eq!(world.pods.len(), 3, "replaced, and not touched");
    assert!(uids.iter().all(|uid| world.uids().contains(uid)));
}

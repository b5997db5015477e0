//! What users of OpenKruise have met in years of use, one test each. Conflicts and lost expectations need an API server:
//! `tests/in_process/faults.rs`; a terminating claim is in `volume_claim_ids.rs`.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, in_place, reasons, settled, spec, template};

fn uids(world: &World) -> BTreeSet<String> {
    world.uids().into_iter().collect()
}

fn states(world: &World) -> Vec<String> {
    world
        .pods
        .values()
        .map(|pod| {
            pod["metadata"]["labels"]["lifecycle.apps.kruise.io/state"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// Settles, and waits until whatever holds has been told.
fn told(world: &mut World) -> Value {
    world.settle();
    world.pass(SignedDuration::from_secs(11));
    world.settle();
    world.condition("Waiting").unwrap_or_default()
}

// Percentages of few pods that come to nothing hold for ever, and the CloneSet says which field.
#[rstest]
// No webhook has refused it.
#[case(json!({ "maxUnavailable": "0%" }), "InvalidSpec", "maxUnavailable: resolves to 0")]
// CS-S11: of one pod, 50 % is one pod.
#[case(json!({ "partition": "50%", "maxUnavailable": 1 }), "PartitionReached", "partition")]
fn percentages_of_small_numbers_that_block_say_so(
    #[case] rolling_update: Value,
    #[case] reason: &str,
    #[case] words: &str,
) {
    let mut world = settled(1, rolling_update);
    world.set_image("acme/app:2");
    let waiting = told(&mut world);
    assert_eq!(waiting["reason"], reason, "{waiting}");
    let message = waiting["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
    assert_eq!(world.images(), ["acme/app:1"]);
}

// CS-95: OnDelete without terms: 20 % of four pods, rounded down, is none.
#[test]
fn a_ready_pod_that_on_delete_can_not_let_go_is_told() {
    let mut on_delete = spec(4, json!({}));
    on_delete["updateStrategy"] = json!({ "type": "OnDelete" });
    let mut world = World::new(on_delete);
    world.settle();
    let pod = world.pods.keys().next().unwrap();
    world.pods.get_mut(&pod).unwrap()["metadata"]["labels"]["apps.kruise.io/specified-delete"] =
        json!("true");
    let waiting = told(&mut world);
    assert_eq!(waiting["reason"], "DeletionLimited", "{waiting}");
    assert_eq!(world.pods.len(), 4);
}

// CS-51
#[test]
fn a_scale_out_that_0_percent_blocks_is_told() {
    let mut capped = spec(2, json!({}));
    capped["scaleStrategy"] = json!({ "maxUnavailable": "0%" });
    let mut world = World::new(capped);
    let waiting = told(&mut world);
    assert_eq!(waiting["reason"], "ScaleUpLimited", "{waiting}");
    assert!(world.pods.is_empty());
}

// Roll-back removes the stuck new pod, not a healthy old one.
#[rstest]
#[case::recreate(json!({ "maxUnavailable": 1 }))]
#[case::surge(json!({ "maxUnavailable": 0, "maxSurge": 1 }))]
#[case::in_place(in_place(json!(1)))]
fn roll_back_removes_the_stuck_new_pod_and_no_healthy_old_one(#[case] rolling_update: Value) {
    let mut world = settled(3, rolling_update);
    let before = uids(&world);
    world.set_image("acme/app:bad");
    world.settle();
    let healthy: BTreeSet<String> = world
        .pods
        .values()
        .filter(|pod| pod["spec"]["containers"][0]["image"] == "acme/app:1")
        .map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        healthy.len() >= 2 && healthy.is_subset(&before),
        "{healthy:?}"
    );

    world.set_image("acme/app:1");
    world.settle();
    assert!(healthy.is_subset(&uids(&world)), "all that ran run on");
    assert_eq!(world.images(), ["acme/app:1"; 3]);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(3));
}

fn hold(world: &mut World, value: Option<&str>) {
    for mut pod in world.pods.values_mut() {
        let labels = pod["metadata"]["labels"].as_object_mut().unwrap();
        match value {
            None => labels.remove("hold"),
            Some(value) => labels.insert("hold".to_owned(), json!(value)),
        };
    }
}

fn held_template(image: &str) -> Value {
    let mut template = template(image);
    template["metadata"]["labels"]["hold"] = json!("yes");
    template
}

/// Three pods, which a hook holds before they are updated in place.
fn hooked(rollback_gate: bool) -> World {
    let mut hooked = spec(3, in_place(json!("100%")));
    hooked["lifecycle"] = json!({ "inPlaceUpdate": { "labelsHandler": { "hold": "yes" } } });
    hooked["template"] = held_template("acme/app:1");
    let mut world = World::new(hooked);
    world.gates.partition_rollback = rollback_gate;
    world.settle();
    world
}

fn set_partition(world: &mut World, partition: i32) {
    let partition = json!({ "partition": partition });
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": partition } } }));
}

fn set_template(world: &mut World, image: &str) {
    world.change(json!({ "spec": { "template": held_template(image) } }));
}

// CS-P10, CS-97, DV-CS13: whatever comes of hook, roll-back and partition, no pod stays in PreparingUpdate, and
// those that are not to be updated any more come back into service without anybody's help.
#[rstest]
fn hook_roll_back_and_partition_never_strand_a_pod(
    #[values(0, 1, 3)] partition: i32,
    #[values(false, true)] rollback_gate: bool,
    #[values(false, true)] by_template: bool,
) {
    let mut world = hooked(rollback_gate);
    set_template(&mut world, "acme/app:2");
    world.settle();
    assert_eq!(states(&world), ["PreparingUpdate"; 3]);

    set_partition(&mut world, partition);
    if by_template {
        set_template(&mut world, "acme/app:1");
    }
    world.settle();
    let n_held = if by_template { 0 } else { 3 - partition };
    let held = states(&world)
        .into_iter()
        .filter(|state| *state == "PreparingUpdate");
    assert_eq!(held.count(), usize::try_from(n_held).unwrap());
    let available = i64::from(3 - n_held);
    assert_eq!(world.status("availableReplicas"), json!(available));

    // The hooks of those that still wait are let go, and set again when the controller is through.
    hold(&mut world, None);
    world.settle();
    hold(&mut world, Some("yes"));
    world.settle();
    assert_eq!(states(&world), ["Normal"; 3], "{:#?}", world.story());
    assert_eq!(world.status("availableReplicas"), json!(3));
    let n_new = world
        .images()
        .iter()
        .filter(|image| *image == "acme/app:2")
        .count();
    assert_eq!(n_new, usize::try_from(n_held).unwrap());
}

// CS-48, CS-97: on their way back, pods are at the update revision, which must not be taken for the end of it.
#[test]
fn a_hook_holds_a_pod_on_its_way_back_too() {
    let mut world = hooked(true);
    set_template(&mut world, "acme/app:2");
    set_partition(&mut world, 1);
    world.settle();
    hold(&mut world, None);
    world.settle();
    hold(&mut world, Some("yes"));
    world.settle();
    let images = |world: &World| {
        let mut images = world.images();
        images.sort();
        images
    };
    assert_eq!(images(&world), ["acme/app:1", "acme/app:2", "acme/app:2"]);

    set_partition(&mut world, 2);
    world.settle();
    let mut held = states(&world);
    held.sort_unstable();
    assert_eq!(held, ["Normal", "Normal", "PreparingUpdate"]);
    hold(&mut world, None);
    world.settle();
    hold(&mut world, Some("yes"));
    world.settle();
    assert_eq!(images(&world), ["acme/app:1", "acme/app:1", "acme/app:2"]);
    assert_eq!(states(&world), ["Normal"; 3]);
}

// DV-CS13: those that are held come back when nobody updates them any more; paused, they wait.
#[test]
fn pods_held_before_their_update_come_back_with_on_delete_and_wait_while_paused() {
    let mut world = hooked(false);
    set_template(&mut world, "acme/app:2");
    world.settle();
    let paused = |paused: bool| json!({ "spec": { "updateStrategy": { "rollingUpdate": { "paused": paused } } } });
    world.change(paused(true));
    world.settle();
    assert_eq!(states(&world), ["PreparingUpdate"; 3]);
    world.change(paused(false));
    world.change(json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }));
    world.settle();
    assert_eq!(states(&world), ["Normal"; 3]);
    assert_eq!(world.images(), ["acme/app:1"; 3]);
}

// 7.1: a pod that has failed is replaced, and stays for whoever wants to look at it.
#[rstest]
fn a_failed_pod_is_replaced(#[values("Failed", "Succeeded")] phase: &str) {
    let mut world = settled(2, json!({}));
    let name = world.pods.keys().next().unwrap();
    world.pods.get_mut(&name).unwrap()["status"]["phase"] = json!(phase);
    world.settle();
    assert_eq!(world.pods.len(), 3);
    assert_eq!(world.status("availableReplicas"), json!(2));
    assert_eq!(world.pods.at(&name)["status"]["phase"], phase);
}

// CS-S31, CS-94
#[test]
fn paused_stops_surge() {
    let mut world = settled(3, json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    world.set_image("acme/app:2");
    world.reconcile();
    world.reconcile();
    assert_eq!(world.pods.len(), 4, "the roll-out has begun with one more");
    let paused = json!({ "paused": true });
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": paused } } }));
    let waiting = told(&mut world);
    assert_eq!(world.pods.len(), 3);
    assert_eq!(waiting["reason"], "Paused", "{waiting}");
}

// CS-P5, CS-S26: a revision of an early release has no annotations.
#[test]
fn roll_back_to_a_revision_with_nil_annotations() {
    let mut world = settled(2, in_place(json!(2)));
    let first = world.status("updateRevision");
    world.revisions.get_mut(first.as_str().unwrap()).unwrap()["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations")
        .expect("annotations");
    world.set_image("acme/app:2");
    world.settle();
    world.set_image("acme/app:1");
    world.settle();
    assert_eq!(world.status("updateRevision"), first);
    let revision = &world.revisions.at(first.as_str().unwrap());
    assert_eq!(revision["revision"], json!(3));
    let annotations = &revision["metadata"]["annotations"];
    assert_eq!(
        annotations["kruise.io/cloneset-volumeclaimtemplate-hash"],
        ""
    );
    assert_eq!(world.images(), ["acme/app:1"; 2]);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(2));
}

// IP-S29: a new tag of the same image: the id that the update waits to see change never does.
#[test]
fn a_new_tag_of_the_same_image_completes_in_place() {
    let mut world = settled(2, in_place(json!(2)));
    let before = uids(&world);
    world.same_image_behind_every_tag = true;
    world.set_image("acme/app:latest");
    world.settle();
    assert_eq!(uids(&world), before);
    assert_eq!(states(&world), ["Normal"; 2]);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(2));
}

// CS-P9: a scale-out that is cut to nothing holds up no update.
#[test]
fn a_limited_scale_out_does_not_block_updates() {
    let mut capped = spec(2, in_place(json!(2)));
    capped["scaleStrategy"] = json!({ "maxUnavailable": "0%" });
    let mut world = settled(2, in_place(json!(2)));
    world.change(json!({ "spec": capped }));
    world.change(json!({ "spec": { "replicas": 3 } }));
    world.set_image("acme/app:2");
    let last = world.settle();
    assert_eq!(world.images(), ["acme/app:2"; 2]);
    assert!(reasons(&last).contains(&"ScaleUpLimited"), "{last:#?}");
}

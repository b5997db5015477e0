//! Hot upgrade: twins take turns (SS-231, SS-250 to SS-255).

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, mesh, reasons, world};

const WORKING: &str = "kruise.io/sidecarset-working-hotupgrade-container";

fn versions(world: &World) -> [&str; 4] {
    [
        "version.sidecarset.kruise.io/mesh-1",
        "versionalt.sidecarset.kruise.io/mesh-1",
        "version.sidecarset.kruise.io/mesh-2",
        "versionalt.sidecarset.kruise.io/mesh-2",
    ]
    .map(|key| world.annotation("web-0", key))
}

fn images(world: &World) -> [&str; 2] {
    ["mesh-1", "mesh-2"].map(|twin| world.image("web-0", twin))
}

/// A pod that was given mesh:1 and is to have mesh:2, after the passes that the controller can make at once.
fn upgraded() -> (World, String) {
    let mut world = world(1, json!({ "containers": mesh("mesh:1") }));
    assert_eq!(images(&world), ["mesh:1", "idle:1"]);
    world.change(json!({ "containers": mesh("mesh:2") }));
    // The version is that of the set when the pod is written.
    world.reconcile();
    let version = world.set["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    world.reconcile();
    (world, version)
}

// SS-A16: the new image, the reset, and the end.
#[test]
fn twins_take_turns() {
    let (mut world, version) = upgraded();
    assert_eq!(images(&world), ["mesh:1", "mesh:2"]);
    assert_eq!(world.annotation("web-0", WORKING), r#"{"mesh":"mesh-2"}"#);
    assert_eq!(versions(&world), ["1", &version, &version, "1"]);
    let plan = world.settle();
    assert_eq!(world.counts(), "1 1 0 0");
    assert_eq!(reasons(&plan), ["UpdateInFlight"]);
    assert!(!world.events.contains(&"reset web-0".to_owned()));

    world.run("web-0");
    world.settle();
    assert_eq!(images(&world), ["idle:1", "mesh:2"]);
    assert_eq!(versions(&world), ["0", &version, &version, "0"]);
    assert!(world.events.contains(&"reset web-0".to_owned()));
    assert_eq!(world.counts(), "1 1 0 0");

    world.run("web-0");
    let plan = world.settle();
    assert_eq!(world.counts(), "1 1 1 1");
    assert_eq!(reasons(&plan), Vec::<&str>::new());

    // And back again, by the other twin.
    world.change(json!({ "containers": mesh("mesh:3") }));
    world.settle();
    assert_eq!(images(&world), ["mesh:3", "mesh:2"]);
    assert_eq!(world.annotation("web-0", WORKING), r#"{"mesh":"mesh-1"}"#);
}

// SS-A43, SS-255, DV-SS6
#[test]
fn a_failing_upgrade_is_taken_back() {
    let (mut world, _) = upgraded();
    world.crash("web-0", "mesh-2");
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["UpdateInFlight"]);
    world.change(json!({ "containers": mesh("mesh:1") }));
    world.settle();
    assert_eq!(images(&world), ["mesh:1", "idle:1"]);
    assert_eq!(world.annotation("web-0", WORKING), r#"{"mesh":"mesh-1"}"#);
    let [_, alt_1, version_2, _] = versions(&world);
    assert_eq!((alt_1, version_2), ("0", "0"));
    assert!(world.events.contains(&"reset web-0".to_owned()));
    world.run("web-0");
    world.settle();
    assert_eq!(world.counts(), "1 1 1 1");
}

// SS-250: a failing new twin gets the next image, and the working one goes on.
#[test]
fn a_failing_upgrade_is_superseded() {
    let (mut world, _) = upgraded();
    world.crash("web-0", "mesh-2");
    world.settle();
    world.change(json!({ "containers": mesh("mesh:3") }));
    world.settle();
    assert_eq!(images(&world), ["mesh:1", "mesh:3"]);
    world.run("web-0");
    world.settle();
    assert_eq!(images(&world), ["idle:1", "mesh:3"]);
}

// SS-253: without a ready pod the other containers count.
#[rstest]
#[case::all_but_the_idle_twin("mesh-1", true)]
#[case::not_the_new_twin("mesh-2", false)]
#[case::not_the_main_container("main", false)]
fn a_pod_is_reset_once_all_but_the_idle_twin_serve(#[case] failing: &str, #[case] is_reset: bool) {
    let (mut world, _) = upgraded();
    world.crash("web-0", failing);
    world.settle();
    let expected = if is_reset { "idle:1" } else { "mesh:1" };
    assert_eq!(images(&world)[0], expected);
}

// SS-253: of a pod that runs and is ready, no container is asked.
#[test]
fn a_ready_pod_is_reset_whatever_its_containers_say() {
    let (mut world, _) = upgraded();
    world.crash("web-0", "main");
    world.set_ready("web-0", true);
    world.settle();
    assert_eq!(images(&world), ["idle:1", "mesh:2"]);
}

// SS-254
#[rstest]
#[case::paused(json!({ "paused": true }), "Paused")]
#[case::not_update(json!({ "type": "NotUpdate" }), "NotUpdate")]
fn both_twins_stay_while_nothing_is_to_be_updated(#[case] strategy: Value, #[case] reason: &str) {
    let (mut world, _) = upgraded();
    world.change(json!({ "updateStrategy": strategy }));
    world.run("web-0");
    let plan = world.settle();
    assert_eq!(images(&world), ["mesh:1", "mesh:2"]);
    assert_eq!(reasons(&plan), [reason]);
}

// SS-206, DV-SS5: a pod whose twin or whose record of twins is gone is none of the set's.
#[rstest]
#[case::no_twin(json!({ "spec": { "containers": [{ "name": "main" }, { "name": "mesh-1" }] } }))]
#[case::no_record(json!({ "metadata": { "annotations": { WORKING: null } } }))]
#[case::unreadable(json!({ "metadata": { "annotations": { WORKING: "oops" } } }))]
fn a_pod_without_its_twins_is_left_alone(#[case] change: Value) {
    let (mut world, _) = upgraded();
    world.run("web-0");
    world.change_pod("web-0", |pod| json_patch::merge(pod, &change));
    world.settle();
    assert_eq!(world.counts(), "0 0 0 0");
}

// SS-229, SS-251: a pod in its upgrade counts against maxUnavailable.
#[test]
fn one_pod_after_the_other_is_upgraded() {
    let mut world = world(2, json!({ "containers": mesh("mesh:1") }));
    world.change(json!({ "containers": mesh("mesh:2") }));
    world.settle();
    let new = |world: &World| {
        let twins = ["web-0", "web-1"].map(|pod| world.image(pod, "mesh-2"));
        twins.iter().filter(|image| **image == "mesh:2").count()
    };
    assert_eq!(new(&world), 1);
    world.run_all();
    world.settle();
    assert_eq!(new(&world), 1, "it is not reset yet");
    world.run_all();
    world.settle();
    assert_eq!(new(&world), 2);
}

// SS-231, SS-252: where no image does nothing, both twins work on.
#[test]
fn without_an_empty_image_nothing_is_reset() {
    let hot = |image: &str| json!([{ "name": "mesh", "image": image, "upgradeStrategy": { "upgradeType": "HotUpgrade" } }]);
    let mut world = world(1, json!({ "containers": hot("mesh:1") }));
    world.change(json!({ "containers": hot("mesh:2") }));
    world.settle();
    world.run("web-0");
    world.settle();
    assert_eq!(world.counts(), "1 1 1 1");
    assert!(!world.events.contains(&"reset web-0".to_owned()));
}

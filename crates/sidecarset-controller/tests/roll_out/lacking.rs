//! Pods that should have got sidecars when they were created, and have not.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, world};

/// A pod without anything, created so many seconds ago.
fn bare(world: &mut World, name: &str, age: i64) {
    world.add_pod(name);
    let created = (world.now - jiff::SignedDuration::from_secs(age)).to_string();
    world.change_pod(name, |pod| {
        pod["metadata"]["annotations"] = json!({});
        pod["metadata"]["creationTimestamp"] = json!(created);
    });
}

const ONE: &str = "Warning PodsWithoutSidecar: 1 pod(s) match and were created without the sidecars, which they get only when they are created anew: shop/bare-0";

#[test]
fn a_pod_without_sidecars_is_told_of_once_that_has_lasted() {
    let mut world = world(1, json!({}));
    bare(&mut world, "bare-0", 3);
    let plan = world.reconcile();
    assert_eq!(world.told("PodsWithoutSidecar"), Vec::<&str>::new());
    assert_eq!(plan.notes.look_again.unwrap().as_secs(), 7);
    world.pass(7);
    world.reconcile();
    assert_eq!(world.told("PodsWithoutSidecar"), [ONE]);
    world.pass(60);
    world.reconcile();
    assert_eq!(world.told("PodsWithoutSidecar").len(), 1);
    // Nothing is done to it.
    assert_eq!(
        world.pods["bare-0"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(world.set["status"]["matchedPods"], 1);
}

#[test]
fn another_one_is_news_and_one_less_is_not() {
    let mut world = world(0, json!({}));
    for index in 0..7 {
        bare(&mut world, &format!("bare-{index}"), 60);
    }
    world.reconcile();
    let all = world.told("PodsWithoutSidecar");
    assert!(all[0].contains(": 7 pod(s) match"), "{all:?}");
    assert!(
        all[0].ends_with(
            ": shop/bare-0, shop/bare-1, shop/bare-2, shop/bare-3, shop/bare-4 and 2 more"
        ),
        "{all:?}"
    );
    world.pods.remove("bare-0");
    world.reconcile();
    assert_eq!(world.told("PodsWithoutSidecar").len(), 1);
    bare(&mut world, "bare-9", 60);
    world.reconcile();
    assert_eq!(world.told("PodsWithoutSidecar").len(), 2);
}

// SS-103, SS-104, SS-203
#[rstest]
#[case::plain(json!({}), 1)]
#[case::paused(json!({ "injectionStrategy": { "paused": true } }), 0)]
#[case::selected(json!({ "namespaceSelector": { "matchLabels": { "env": "prod" } } }), 1)]
#[case::another_namespace(json!({ "namespaceSelector": { "matchLabels": { "env": "test" } } }), 0)]
#[case::other_pods(json!({ "selector": { "matchLabels": { "app": "db" } } }), 0)]
fn the_set_decides_who_should_have_it(#[case] spec: Value, #[case] expected: usize) {
    let mut world = world(0, spec);
    bare(&mut world, "bare-0", 60);
    assert_eq!(world.snapshot().lacking.len(), expected);
}

// SS-110: a canary takes pods from its base, unless it is paused.
#[rstest]
#[case::canary(json!({}), 0)]
#[case::paused(json!({ "injectionStrategy": { "paused": true } }), 1)]
#[case::for_others(json!({ "selector": { "matchLabels": { "tier": "beta" } } }), 1)]
fn pods_of_a_canary_do_not_lack_its_base(#[case] spec: Value, #[case] expected: usize) {
    let mut world = world(0, json!({}));
    let mut canary = json!({
        "metadata": { "name": "log-canary", "annotations": {
            "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": "log",
        } },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
    });
    json_patch::merge(&mut canary["spec"], &spec);
    world.others.push(canary);
    bare(&mut world, "bare-0", 60);
    assert_eq!(world.snapshot().lacking.len(), expected);
}

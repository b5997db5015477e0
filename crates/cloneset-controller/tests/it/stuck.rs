//! Pods that are missing, or that are broken already, hold no update (DV-CS16), and no more are touched than that.

use cloneset_controller::plan::{Plan, Step};
use jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, in_place, settled, spec};

/// Reconciles for some time, or until nothing changes any more: creations that a quota refuses never end.
fn run(world: &mut World, passes: usize) {
    let mut idle = 0;
    for _ in 0..passes {
        let before = world.version();
        world.reconcile();
        world.kubelets();
        world.pass(SignedDuration::from_millis(200));
        idle = if world.version() == before {
            idle + 1
        } else {
            0
        };
        if idle > 10 {
            break;
        }
    }
}

fn n_running(world: &World, image: &str) -> usize {
    let images = world.images();
    images.iter().filter(|it| *it == image).count()
}

fn terms(policy: &str, max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": policy, "maxUnavailable": max_unavailable })
}

fn n_moved(plan: &Plan) -> usize {
    let moved = plan.steps.iter().map(|step| match step {
        Step::UpdatePodsInPlace { updates } => updates.len(),
        Step::MarkPodsForRecreate { patches } => patches.len(),
        _ => 0,
    });
    moved.sum()
}

// CS-51: the scale-out waits for the broken pods, and these for the scale-out.
#[rstest]
fn a_corrected_image_ends_a_limited_scale_out(
    #[values("ReCreate", "InPlaceIfPossible", "InPlaceOnly")] policy: &str,
    #[values(json!(1), json!(2), json!("20%"))] cap: Value,
    #[values(json!(1), json!("100%"))] max_unavailable: Value,
) {
    let mut scaled = spec(6, terms(policy, max_unavailable.clone()));
    scaled["scaleStrategy"] = json!({ "maxUnavailable": cap });
    let mut world = settled(2, terms(policy, max_unavailable));
    world.change(json!({ "spec": scaled }));
    world.set_image("acme/app:bad");
    run(&mut world, 60);
    assert!(n_running(&world, "acme/app:bad") > 0);
    world.set_image("acme/app:2");
    run(&mut world, 200);
    assert_eq!(
        world.images(),
        vec!["acme/app:2"; 6],
        "{:#?}",
        world.story()
    );
    assert_eq!(world.status("updatedAvailableReplicas"), json!(6));
}

// CloneSet 7.1: pods of the bad image fill the quota.
#[rstest]
fn a_corrected_image_gets_past_a_full_quota(
    #[values("ReCreate", "InPlaceIfPossible")] policy: &str,
    #[values(0, 1)] max_surge: i32,
    #[values(2, 4)] quota: usize,
) {
    let mut strategy = terms(policy, json!(1));
    strategy["maxSurge"] = json!(max_surge);
    let mut first = spec(4, strategy);
    first["template"]["spec"]["containers"][0]["image"] = json!("acme/app:bad");
    let mut world = World::new(first);
    world.policy.quota = Some(quota);
    run(&mut world, 40);
    assert_eq!(n_running(&world, "acme/app:bad"), quota);
    world.set_image("acme/app:2");
    run(&mut world, 200);
    assert_eq!(
        world.images(),
        vec!["acme/app:2"; quota],
        "{:#?}",
        world.story()
    );
    assert_eq!(world.status("updatedAvailableReplicas"), json!(quota));
}

// CS-62: what is marked goes although its place can't be filled now, and no ready pod does.
#[test]
fn a_full_quota_lets_no_ready_pod_go_beyond_the_limit() {
    let mut world = settled(4, terms("ReCreate", json!(1)));
    world.policy.quota = Some(2);
    for name in world.pods.keys().collect::<Vec<_>>().iter().take(2) {
        world.pods.remove(name);
    }
    world.set_image("acme/app:2");
    run(&mut world, 100);
    assert_eq!(
        world.images(),
        vec!["acme/app:1"; 2],
        "{:#?}",
        world.story()
    );
    assert_eq!(world.status("availableReplicas"), json!(2));
}

/// So many pods whose image can't be pulled, and a corrected template.
fn broken(n_pods: i32, strategy: Value) -> World {
    let mut first = spec(n_pods, strategy);
    first["template"]["spec"]["containers"][0]["image"] = json!("acme/app:bad");
    let mut world = World::new(first);
    world.settle();
    world.set_image("acme/app:bad:still:bad");
    world
}

// CS-86, CS-P12: not more than that. All at once is the opposite mistake.
#[rstest]
#[case::in_place("InPlaceIfPossible", 2, 2)]
#[case::anew("ReCreate", 2, 2)]
#[case::at_least_one("InPlaceIfPossible", 0, 1)]
fn broken_pods_are_updated_a_few_at_a_time(
    #[case] policy: &str,
    #[case] max_unavailable: i32,
    #[case] most: usize,
) {
    let mut strategy = terms(policy, json!(max_unavailable));
    strategy["maxSurge"] = json!(i32::from(max_unavailable == 0));
    let mut world = broken(6, strategy);
    for _ in 0..60 {
        let plan = world.reconcile();
        assert!(n_moved(&plan) <= most, "{plan:#?}");
        world.kubelets();
        world.pass(SignedDuration::from_millis(200));
        // With a surge one more of them may be there.
        assert!(n_running(&world, "acme/app:bad:still:bad") <= most + usize::from(most == 1));
    }
}

// CS-84, CS-86: the pods that come first are fine and may not be touched; the broken one behind them may.
#[test]
fn a_broken_pod_is_updated_although_others_come_first() {
    let mut strategy = in_place(json!(1));
    strategy["priorityStrategy"] = json!({ "weightPriority": [
        { "weight": 100, "matchSelector": { "matchLabels": { "first": "yes" } } } ] });
    let mut world = settled(3, strategy);
    let names: Vec<String> = world.pods.keys().collect();
    for name in &names[..2] {
        world.pods.get_mut(name).unwrap()["metadata"]["labels"]["first"] = json!("yes");
    }
    world.pods.get_mut(&names[2]).unwrap()["spec"]["containers"][0]["image"] =
        json!("acme/app:bad");
    run(&mut world, 3);
    world.set_image("acme/app:2");
    run(&mut world, 60);
    assert_eq!(world.images(), ["acme/app:2"; 3], "{:#?}", world.story());
}

// CS-93: the partition keeps what it keeps, broken or not.
#[test]
fn the_partition_keeps_broken_pods_too() {
    let mut strategy = in_place(json!(1));
    strategy["partition"] = json!(3);
    let mut world = broken(4, strategy);
    world.set_image("acme/app:2");
    run(&mut world, 60);
    assert_eq!(n_running(&world, "acme/app:bad"), 3);
}

// CS-48, CS-81: the same on the way back.
#[test]
fn broken_pods_go_back_although_others_are_missing() {
    let mut world = settled(4, in_place(json!(1)));
    world.gates.partition_rollback = true;
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 2 } } } }));
    world.set_image("acme/app:2");
    world.settle();
    // The new ones break, and a quota keeps one of the others from coming back.
    for mut pod in world.pods.values_mut() {
        if pod["spec"]["containers"][0]["image"] == "acme/app:2" {
            pod["spec"]["containers"][0]["image"] = json!("acme/app:bad");
        }
    }
    let old = world
        .pods
        .iter()
        .find(|(_, pod)| pod["spec"]["containers"][0]["image"] == "acme/app:1")
        .map(|(name, _)| name);
    world.pods.remove(&old.unwrap());
    world.policy.quota = Some(3);
    run(&mut world, 3);
    world.change(
        json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": "100%" } } } }),
    );
    run(&mut world, 100);
    assert_eq!(world.images(), ["acme/app:1"; 3], "{:#?}", world.story());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    // `World::reconcile` has the plan checker count the pods that an update makes, or leaves, unavailable.
    #[test]
    fn a_corrected_image_always_gets_through(
        policy in prop_oneof![Just("ReCreate"), Just("InPlaceIfPossible")],
        start in 0..4i32,
        replicas in 1..7i32,
        max_unavailable in prop_oneof![(1..4i32).prop_map(|n| json!(n)), Just(json!("20%"))],
        max_surge in 0..3i32,
        cap in prop::option::of(1..3i32),
        quota in prop::option::of(1..7usize),
        passes in 0..60usize,
    ) {
        let mut strategy = terms(policy, max_unavailable);
        strategy["maxSurge"] = json!(max_surge);
        let mut first = spec(start, strategy);
        first["scaleStrategy"] = json!({ "maxUnavailable": cap });
        let mut world = World::new(first);
        world.settle();
        // What is there was there before the quota.
        world.policy.quota = quota.map(|quota| quota.max(world.pods.len()));
        world.set_image("acme/app:bad");
        world.change(json!({ "spec": { "replicas": replicas } }));
        run(&mut world, passes);
        world.set_image("acme/app:2");
        run(&mut world, 250);
        // It is left out when it is 0.
        let available = world.status("updatedAvailableReplicas").as_u64().unwrap_or(0);
        let n_possible = world.policy.quota.map_or(replicas, |quota| replicas.min(i32::try_from(quota).unwrap()));
        let image = "acme/app:2";
        // Pods that serve are not taken below the limit for a quota's sake.
        let kept = n_running(&world, "acme/app:1");
        prop_assert_eq!(n_running(&world, "acme/app:bad"), 0, "{:#?}", &world.story());
        prop_assert_eq!(n_running(&world, image) + kept, usize::try_from(n_possible).unwrap());
        prop_assert_eq!(available, n_running(&world, image) as u64);
        if quota.is_none() {
            prop_assert_eq!(kept, 0, "{:#?}", &world.story());
        }
    }
}

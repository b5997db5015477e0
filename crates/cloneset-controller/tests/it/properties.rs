//! What holds for every CloneSet: no plan breaks a rule, and the end is what the spec says, also
//! when the process was killed after any write.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, spec};

fn number_or_percent() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..6i32).prop_map(|number| json!(number)),
        (0..=100u32).prop_map(|percent| json!(format!("{percent}%"))),
    ]
}

fn strategy() -> impl Strategy<Value = Value> {
    (
        prop_oneof![Just("ReCreate"), Just("InPlaceIfPossible")],
        number_or_percent(),
        number_or_percent(),
        any::<bool>(),
    )
        .prop_map(|(policy, unavailable, surge, surges)| {
            let mut strategy = json!({ "podUpdatePolicy": policy, "maxUnavailable": unavailable });
            if surges {
                strategy["maxSurge"] = surge;
            }
            strategy
        })
}

#[derive(Debug, Clone)]
enum Change {
    Image(u32),
    Replicas(i32),
    Partition(i32),
    LosePod(usize),
    Strategy(Value),
    Paused(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..4u32).prop_map(Change::Image),
        (0..8i32).prop_map(Change::Replicas),
        (0..5i32).prop_map(Change::Partition),
        (0..8usize).prop_map(Change::LosePod),
        strategy().prop_map(Change::Strategy),
        any::<bool>().prop_map(Change::Paused),
    ]
}

fn make(world: &mut World, change: &Change) {
    let terms = |terms: Value| json!({ "spec": { "updateStrategy": { "rollingUpdate": terms } } });
    match change {
        Change::Image(version) => world.set_image(&format!("acme/app:{version}")),
        Change::Replicas(replicas) => world.change(json!({ "spec": { "replicas": replicas } })),
        Change::Partition(partition) => world.change(terms(json!({ "partition": partition }))),
        Change::LosePod(index) => {
            if let Some(name) = world.pods.keys().nth(*index).cloned() {
                world.pods.remove(&name);
            }
        }
        Change::Strategy(strategy) => world.change(terms(strategy.clone())),
        Change::Paused(paused) => world.change(terms(json!({ "paused": paused }))),
    }
}

/// Ends every restriction, so that the roll-out can complete, and says what must be then.
fn release(world: &mut World) {
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": {
        "partition": 0, "paused": false, "maxUnavailable": 1, "maxSurge": null } } } }));
}

fn assert_as_wanted(world: &World) {
    let replicas = world.set["spec"]["replicas"].as_u64().unwrap();
    assert_eq!(world.pods.len() as u64, replicas);
    let image = &world.set["spec"]["template"]["spec"]["containers"][0]["image"];
    assert!(world.images().iter().all(|have| json!(have) == *image));
    assert_eq!(world.status("availableReplicas"), json!(replicas));
    assert_eq!(
        world.status("currentRevision"),
        world.status("updateRevision")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // `World::reconcile` runs the plan checker on every plan.
    #[test]
    fn any_story_ends_as_the_spec_says(
        replicas in 0..8i32,
        first in strategy(),
        changes in prop::collection::vec((change(), 0..6usize), 0..8),
    ) {
        let mut world = World::new(spec(replicas, first));
        for (change, reconciles) in &changes {
            for _ in 0..*reconciles {
                world.reconcile();
                world.kubelets();
            }
            make(&mut world, change);
        }
        world.settle();
        release(&mut world);
        world.settle();
        assert_as_wanted(&world);
    }

    // Killed after any number of writes and started again without memory.
    #[test]
    fn a_crash_after_any_write_changes_nothing_of_the_end(
        replicas in 1..6i32,
        strategy in strategy(),
        crashes in prop::collection::vec(0..12usize, 1..6),
    ) {
        let mut world = World::new(spec(replicas, strategy));
        world.settle();
        world.set_image("acme/app:2");
        for writes in crashes {
            world.writes_left = Some(writes);
            for _ in 0..4 {
                world.reconcile();
                world.kubelets();
            }
            world.writes_left = None;
            world.memory = Default::default();
        }
        release(&mut world);
        world.settle();
        assert_as_wanted(&world);
    }
}

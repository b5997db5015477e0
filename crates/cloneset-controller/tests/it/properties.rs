//! What holds for every CloneSet: no plan breaks a rule, and the end is what the spec says, also
//! when the process was killed after any write.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{
    World,
    claims::{claim_template, claims_of},
    spec,
};

fn number_or_percent() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..6i32).prop_map(|number| json!(number)),
        (0..=100u32).prop_map(|percent| json!(format!("{percent}%"))),
    ]
}

fn strategy() -> impl Strategy<Value = Value> {
    (
        prop_oneof![
            Just("ReCreate"),
            Just("InPlaceIfPossible"),
            Just("InPlaceOnly")
        ],
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
    /// By somebody else, as `kubectl delete pod` does.
    DeletePod(usize),
    EvictPod(usize),
    DeleteClaim(usize),
    Claims(usize),
    Reuse(bool),
    Strategy(Value),
    Paused(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1..4u32).prop_map(Change::Image),
        (0..8i32).prop_map(Change::Replicas),
        (0..5i32).prop_map(Change::Partition),
        (0..8usize).prop_map(Change::LosePod),
        (0..8usize).prop_map(Change::DeletePod),
        (0..8usize).prop_map(Change::EvictPod),
        (0..8usize).prop_map(Change::DeleteClaim),
        (0..3usize).prop_map(Change::Claims),
        any::<bool>().prop_map(Change::Reuse),
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
            if let Some(name) = world.pods.keys().nth(*index) {
                world.pods.remove(&name);
            }
        }
        Change::DeletePod(index) => {
            if let Some(name) = world.pods.keys().nth(*index) {
                world.delete_pod(&name);
            }
        }
        Change::EvictPod(index) => {
            if let Some(mut pod) = world.pods.values_mut().nth(*index) {
                pod["status"]["phase"] = json!("Failed");
            }
        }
        Change::DeleteClaim(index) => {
            let there = world.claim_uids();
            if let Some((name, _)) = there.get(*index) {
                world.delete_claim(name);
            }
        }
        Change::Claims(count) => world.change(json!({ "spec": {
            "volumeClaimTemplates": claim_templates(*count) } })),
        Change::Reuse(reuse) => world.change(json!({ "spec": {
            "scaleStrategy": { "enablePVCReuse": reuse } } })),
        Change::Strategy(strategy) => world.change(terms(strategy.clone())),
        Change::Paused(paused) => world.change(terms(json!({ "paused": paused }))),
    }
}

fn claim_templates(count: usize) -> Vec<Value> {
    ["data", "logs"]
        .iter()
        .take(count)
        .map(|name| claim_template(name, "1Gi"))
        .collect()
}

fn with_claims(replicas: i32, strategy: Value, n_claims: usize, reuse: bool) -> World {
    let mut spec = spec(replicas, strategy);
    spec["volumeClaimTemplates"] = json!(claim_templates(n_claims));
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    World::new(spec)
}

/// Ends every restriction, so that the roll-out can complete, and says what must be then.
fn release(world: &mut World) {
    // With reuse, the replacement of an evicted pod waits until somebody takes that away (CS-77).
    for (name, pod) in world.pods.all() {
        if pod["status"]["phase"] == "Failed" {
            world.pods.remove(&name);
        }
    }
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": {
        "partition": 0, "paused": false, "maxUnavailable": 1, "maxSurge": null } } } }));
}

fn assert_as_wanted(world: &World) {
    let replicas = world.set()["spec"]["replicas"].as_u64().unwrap();
    assert_eq!(world.pods.len() as u64, replicas);
    let image = &world.set()["spec"]["template"]["spec"]["containers"][0]["image"];
    assert!(world.images().iter().all(|have| json!(have) == *image));
    assert_eq!(world.status("availableReplicas"), json!(replicas));
    assert_eq!(
        world.status("currentRevision"),
        world.status("updateRevision")
    );
    assert_claims_are_of_pods(world);
}

/// No pod mounts a claim that another mounts or that isn't there, and without reuse no claim is left over.
/// One that somebody deleted stays until its pod goes.
fn assert_claims_are_of_pods(world: &World) {
    let mounted: Vec<String> = world
        .pods
        .values()
        .flat_map(|pod| claims_of(&pod))
        .collect();
    let distinct: BTreeSet<&String> = mounted.iter().collect();
    assert_eq!(distinct.len(), mounted.len());
    for claim in &mounted {
        assert!(world.claims.contains_key(claim), "{claim}");
    }
    if world.set()["spec"]["scaleStrategy"]["enablePVCReuse"] == json!(false) {
        let ids: Vec<Value> = world.pods.values().map(|pod| id_of(&pod)).collect();
        for (name, claim) in world.claims.iter() {
            assert!(ids.contains(&id_of(&claim)), "{name} has no pod");
        }
    }
}

fn id_of(object: &Value) -> Value {
    object["metadata"]["labels"]["apps.kruise.io/cloneset-instance-id"].clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // `World::reconcile` runs the plan checker on every plan.
    #[test]
    fn any_story_ends_as_the_spec_says(
        replicas in 0..8i32,
        first in strategy(),
        n_claims in 0..3usize,
        reuse in any::<bool>(),
        changes in prop::collection::vec((change(), 0..6usize), 0..8),
    ) {
        let mut world = with_claims(replicas, first, n_claims, reuse);
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
        n_claims in 0..3usize,
        reuse in any::<bool>(),
        crashes in prop::collection::vec(0..12usize, 1..6),
    ) {
        let mut world = with_claims(replicas, strategy, n_claims, reuse);
        world.settle();
        world.set_image("acme/app:2");
        for writes in crashes {
            world.set_writes_left(Some(writes));
            for _ in 0..4 {
                world.reconcile();
                world.kubelets();
            }
            world.set_writes_left(None);
            world.memory = Default::default();
        }
        release(&mut world);
        world.settle();
        assert_as_wanted(&world);
    }
}

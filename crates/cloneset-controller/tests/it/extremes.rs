//! Numbers that nobody can mean, in every field that takes one: no plan panics, in builds that check overflows.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, claims::claim_template, spec};

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![
        Just(i32::MIN),
        Just(i32::MIN + 1),
        Just(-1),
        0..4i32,
        Just(i32::MAX - 1),
        Just(i32::MAX),
        any::<i32>(),
    ]
}

fn number_or_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        number().prop_map(|number| json!(number)),
        number().prop_map(|number| json!(format!("{number}%"))),
        Just(json!("99999999999999999999%")),
        Just(json!("-1e300%")),
        Just(json!("12")),
    ]
}

fn time() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("0001-01-01T00:00:00Z"),
        Just("2026-01-10T08:00:00Z"),
        Just("9999-12-30T22:00:00Z"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_number_makes_a_plan_panic(
        numbers in prop::collection::vec(number(), 8),
        terms in prop::collection::vec(number_or_text(), 4),
        in_place in any::<bool>(),
        rollback in any::<bool>(),
        since in time(),
        updated in time(),
    ) {
        let policy = if in_place { "InPlaceIfPossible" } else { "ReCreate" };
        let mut spec = spec(3, json!({ "podUpdatePolicy": policy }));
        spec["volumeClaimTemplates"] = json!([claim_template("data", "1Gi")]);
        let mut world = World::new(spec);
        world.gates.partition_rollback = rollback;
        world.settle();
        world.change(json!({ "spec": {
            "replicas": numbers[0],
            "minReadySeconds": numbers[1],
            "progressDeadlineSeconds": numbers[2],
            "revisionHistoryLimit": numbers[3],
            "scaleStrategy": { "maxUnavailable": terms[0] },
            "updateStrategy": { "rollingUpdate": {
                "partition": terms[1], "maxUnavailable": terms[2], "maxSurge": terms[3],
                "inPlaceUpdateStrategy": { "gracePeriodSeconds": numbers[4] },
                "priorityStrategy": { "weightPriority": [
                    { "weight": numbers[5], "matchSelector": { "matchLabels": { "app": "web" } } },
                    { "weight": numbers[6], "matchSelector": { "matchLabels": { "app": "web" } } },
                ] },
            } },
        } }));
        world.edit_set()["status"]["collisionCount"] = json!(numbers[7]);
        world.edit_set()["status"]["conditions"] = json!([{
            "type": "Progressing", "status": "True", "reason": "CloneSetUpdated",
            "lastUpdateTime": updated, "lastTransitionTime": updated,
        }]);
        for mut pod in world.pods.values_mut() {
            for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
                condition["lastTransitionTime"] = json!(since);
            }
        }
        world.set_image("acme/app:2");
        for _ in 0..6 {
            world.reconcile();
            world.kubelets();
            // What is asked for without end is stopped here.
            if world.pods.len() > 100 {
                break;
            }
        }
    }
}

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::plan::Spec;

fn spec(change: &Value) -> CloneSetSpec {
    let mut spec = json!({ "selector": {}, "template": {} });
    json_patch::merge(&mut spec, change);
    serde_json::from_value(spec).unwrap()
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "objects are made for the call"
)]
fn rolling(replicas: i32, terms: Value) -> Value {
    json!({ "replicas": replicas, "updateStrategy": { "rollingUpdate": terms } })
}

/// R, P, U and S.
type Numbers = (i64, i64, i64, i64);

#[rstest]
// CS-6, CS-8
#[case::of_nothing_written(json!({}), (1, 0, 1, 0))]
#[case::of_ten_pods(json!({ "replicas": 10 }), (10, 0, 2, 0))]
#[case::of_no_pods(json!({ "replicas": 0 }), (0, 0, 0, 0))]
#[case::of_more_pods_than_anybody_can_mean(
    rolling(i32::MAX, json!({ "maxUnavailable": i32::MAX - 1, "maxSurge": i32::MAX })),
    (268_435_455, 0, 268_435_455, 268_435_455)
)]
// CS-43, P; IP-162
#[case::a_share_is_rounded_up(rolling(10, json!({ "partition": "33%" })), (10, 4, 2, 0))]
#[case::fractions_are_read(rolling(1000, json!({ "partition": "0.1%" })), (1000, 1, 200, 0))]
#[case::one_pod_is_updated_below_all(rolling(5, json!({ "partition": "99%" })), (5, 4, 1, 0))]
#[case::none_is_at_all(rolling(5, json!({ "partition": "100%" })), (5, 5, 1, 0))]
#[case::more_than_there_are(rolling(5, json!({ "partition": 9 })), (5, 5, 1, 0))]
#[case::unreadable_keeps_none(rolling(5, json!({ "partition": "half" })), (5, 0, 1, 0))]
// CS-43, S
#[case::surge_is_rounded_up(rolling(5, json!({ "maxSurge": "30%" })), (5, 0, 1, 2))]
#[case::no_surge_while_paused(rolling(10, json!({ "maxSurge": 3, "paused": true })), (10, 0, 2, 0))]
// CS-43, U
#[case::up_without_surge(rolling(3, json!({ "maxUnavailable": "20%" })), (3, 0, 1, 0))]
#[case::down_with_surge(rolling(3, json!({ "maxUnavailable": "20%", "maxSurge": 1 })), (3, 0, 0, 1))]
#[case::the_default_down_with_surge(rolling(4, json!({ "maxSurge": 1 })), (4, 0, 0, 1))]
#[case::up_while_surge_is_paused(
    rolling(3, json!({ "maxUnavailable": "20%", "maxSurge": 1, "paused": true })),
    (3, 0, 1, 0)
)]
// CS-43, texts; DV-CS5
#[case::a_fraction(rolling(10, json!({ "maxUnavailable": "33.5%" })), (10, 0, 4, 0))]
#[case::a_text_without_percent(rolling(10, json!({ "maxUnavailable": "50" })), (10, 0, 5, 0))]
#[case::no_number(rolling(10, json!({ "maxUnavailable": "all" })), (10, 0, 0, 0))]
// CS-8, CS-43, the last line
#[case::on_delete_without_terms(
    json!({ "replicas": 4, "updateStrategy": { "type": "OnDelete" } }),
    (4, 0, 0, 0)
)]
#[case::on_delete_with_terms(
    json!({ "replicas": 4, "updateStrategy": { "type": "OnDelete", "rollingUpdate": {} } }),
    (4, 0, 1, 0)
)]
fn numbers(#[case] change: Value, #[case] expected: Numbers) {
    let terms = Terms::of(&spec(&change), &Gates::default());
    let found = (
        terms.replicas,
        terms.partition,
        terms.max_unavailable,
        terms.max_surge,
    );
    assert_eq!(found, expected);
}

// CS-50
#[rstest]
#[case::neither(false, json!({}), false)]
#[case::the_flag(true, json!({}), true)]
#[case::the_spec(false, json!({ "excludePreparingDelete": true }), true)]
#[case::the_flag_against_the_spec(true, json!({ "excludePreparingDelete": false }), true)]
fn pods_that_wait_for_their_deletion(
    #[case] flag: bool,
    #[case] scale: Value,
    #[case] expected: bool,
) {
    let gates = Gates {
        exclude_preparing_delete: flag,
        ..Gates::default()
    };
    let terms = Terms::of(&spec(&json!({ "scaleStrategy": scale })), &gates);
    assert_eq!(terms.exclude_preparing_delete, expected);
}

/// Numbers, percentages, and what only a CloneSet has that admission never saw.
/// What nobody can mean.
fn huge() -> impl Strategy<Value = i32> {
    prop_oneof![Just(i32::MAX), Just(i32::MAX - 1), any::<i32>()]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        (-3..200i32).prop_map(Value::from),
        huge().prop_map(Value::from),
        (0..=120u32).prop_map(|percent| json!(format!("{percent}%"))),
        (0..=1000u32).prop_map(|tenths| json!(format!("{}.{}%", tenths / 10, tenths % 10))),
        prop::sample::select(vec![
            "", "%", "5", "5%%", "%5", "-5%", "all", "inf%", "1e1%"
        ])
        .prop_map(Value::from),
    ]
}

fn flag() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![Value::Null, json!(false), json!(true)])
}

prop_compose! {
    fn rolling_update()(
        partition in number(),
        max_unavailable in number(),
        max_surge in number(),
        paused in flag(),
    ) -> Value {
        json!({
            "partition": partition,
            "maxUnavailable": max_unavailable,
            "maxSurge": max_surge,
            "paused": paused,
        })
    }
}

prop_compose! {
    fn any_spec()(
        replicas in prop::option::of(prop_oneof![9 => -3..500i32, 1 => huge()]),
        type_ in prop::sample::select(vec![None, Some("RollingUpdate"), Some("OnDelete")]),
        rolling_update in prop::option::of(rolling_update()),
        min_ready_seconds in prop::option::of(0..100i32),
        exclude in flag(),
        reuse in flag(),
    ) -> Value {
        json!({
            "replicas": replicas,
            "minReadySeconds": min_ready_seconds,
            "updateStrategy": { "type": type_, "rollingUpdate": rolling_update },
            "scaleStrategy": { "excludePreparingDelete": exclude, "enablePVCReuse": reuse },
        })
    }
}

proptest! {
    // CS-6, CS-8, CS-43
    #[test]
    fn planner_and_checker_read_a_spec_alike(change in any_spec()) {
        let spec = spec(&change);
        let Spec {
            replicas,
            partition,
            max_unavailable,
            max_surge,
            min_ready_seconds,
            exclude_preparing_delete,
            reuses_claims,
            ..
        } = Spec::of(&spec);
        let planned = Terms {
            replicas: replicas.into(),
            partition: partition.into(),
            max_unavailable: max_unavailable.into(),
            max_surge: max_surge.into(),
            min_ready_seconds,
            exclude_preparing_delete,
            reuses_claims,
        };
        prop_assert_eq!(Terms::of(&spec, &Gates::default()), planned);
    }
}

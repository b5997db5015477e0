use proptest::prelude::*;
use serde_json::{Value, json};

use crate::webhook::patch::{carry_over, diff};

/// Few keys, so that two values have some in common; among them those that a JSON pointer must escape.
fn key() -> impl Strategy<Value = String> {
    let keys = [
        "name", "a", "b", "", "-", "0", "~", "/", "~1", "a/b~c", "é\"\\",
    ];
    prop::sample::select(keys.map(str::to_owned).to_vec())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        (0i32..4).prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn apply(original: &Value, changed: &Value) -> Value {
    let patch = diff(original, changed);
    // As it goes over the wire.
    let patch: json_patch::Patch =
        serde_json::from_slice(&serde_json::to_vec(&patch).unwrap()).unwrap();
    let mut patched = original.clone();
    json_patch::patch(&mut patched, &patch).unwrap();
    patched
}

proptest! {
    #[test]
    fn applying_the_patch_gives_the_changed_object(original in value(), changed in value()) {
        prop_assert_eq!(apply(&original, &changed), changed);
    }

    #[test]
    fn the_same_object_has_no_patch(object in value()) {
        prop_assert!(diff(&object, &object).is_empty());
    }

    #[test]
    fn a_type_that_knows_all_decides_all(original in value(), changed in value()) {
        prop_assert_eq!(carry_over(&original, &original, &changed), changed);
    }

    #[test]
    fn what_a_type_leaves_alone_stays(original in value(), seen in value()) {
        prop_assert_eq!(carry_over(&original, &seen, &seen), original);
    }
}

#[rstest::rstest]
#[case::unknown_members_stay(
    json!({ "known": 1, "unknown": 2 }), json!({ "known": 1 }), json!({ "known": 3 }),
    json!({ "known": 3, "unknown": 2 })
)]
#[case::known_members_go(
    json!({ "known": 1, "unknown": 2 }), json!({ "known": 1 }), json!({}),
    json!({ "unknown": 2 })
)]
#[case::what_serialising_adds_is_no_change(
    json!({ "known": 1 }), json!({ "known": 1, "empty": {} }), json!({ "known": 2, "empty": {} }),
    json!({ "known": 2 })
)]
#[case::what_serialising_writes_otherwise_is_no_change(
    json!({ "a": "1000m", "b": 1 }), json!({ "a": "1", "b": 1 }), json!({ "a": "1", "b": 2 }),
    json!({ "a": "1000m", "b": 2 })
)]
#[case::elements_are_known_by_name(
    json!([{ "name": "a", "unknown": 1 }, { "name": "b", "unknown": 2 }]),
    json!([{ "name": "a" }, { "name": "b" }]),
    json!([{ "name": "new" }, { "name": "b", "image": "x" }, { "name": "a" }]),
    json!([{ "name": "new" }, { "name": "b", "unknown": 2, "image": "x" }, { "name": "a", "unknown": 1 }])
)]
#[case::a_replaced_element_takes_nothing_over(
    json!([{ "name": "a", "unknown": 1 }]), json!([{ "name": "a" }]), json!([{ "name": "b" }]),
    json!([{ "name": "b" }])
)]
#[case::elements_without_names_are_known_by_place(
    json!([{ "k": 1, "unknown": 1 }]), json!([{ "k": 1 }]), json!([{ "k": 2 }]),
    json!([{ "k": 2, "unknown": 1 }])
)]
#[case::an_equal_element_is_itself(
    json!([{ "k": 1, "unknown": 1 }, { "k": 2, "unknown": 2 }]),
    json!([{ "k": 1 }, { "k": 2 }]),
    json!([{ "k": 2 }]),
    json!([{ "k": 2, "unknown": 2 }])
)]
#[case::a_list_that_is_seen_otherwise_is_replaced(
    json!([1, "skipped"]), json!([1]), json!([2]), json!([2])
)]
#[case::another_type_of_value(
    json!({ "a": null }), json!({}), json!({ "a": { "b": 1 } }), json!({ "a": { "b": 1 } })
)]
fn changes_are_carried_over(
    #[case] original: Value,
    #[case] before: Value,
    #[case] after: Value,
    #[case] changed: Value,
) {
    assert_eq!(carry_over(&original, &before, &after), changed);
    assert_eq!(apply(&original, &changed), changed);
}

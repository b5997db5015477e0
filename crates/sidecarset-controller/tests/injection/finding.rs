//! Which SidecarSets are looked at for a pod (SS-102).

use std::sync::Arc;

use kruise_api::text_map::TextMap;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::index::{Candidate, SidecarSetIndex};

use crate::world::{decoded, set};

fn labels(labels: &Value) -> TextMap {
    serde_json::from_value(labels.clone()).unwrap()
}

fn index(sets: &[Value]) -> SidecarSetIndex {
    let index = SidecarSetIndex::default();
    for set in sets {
        index.change(None, Some(&decoded(set)));
    }
    index
}

fn names(candidates: &[Arc<Candidate>]) -> Vec<&str> {
    let candidates = candidates.iter();
    candidates.map(|it| it.latest.name.as_str()).collect()
}

fn found(sets: &[Value], namespace: &str, pod: &Value) -> String {
    names(&index(sets).candidates(namespace, &labels(pod))).join(" ")
}

fn in_namespaces(name: &str, selector: Value) -> Value {
    set(name, json!({ "namespaceSelector": selector }))
}

fn expression(key: &str, operator: &str, values: Value) -> Value {
    json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] })
}

const NAME: &str = "kubernetes.io/metadata.name";

// SS-102
#[test]
fn those_that_name_the_namespace_come_first() {
    let sets = [
        set("d", json!({})),
        set("a", json!({})),
        in_namespaces("z", json!({ "matchLabels": { NAME: "shop" } })),
        in_namespaces("y", expression(NAME, "In", json!(["shop", "bar", "shop"]))),
        in_namespaces("x", expression(NAME, "In", json!(["bar"]))),
        // Whatever else it demands: a label that says In goes first, of several the first.
        in_namespaces("b", expression(NAME, "NotIn", json!(["shop"]))),
        in_namespaces("c", json!({ "matchLabels": { "env": "prod" } })),
    ];
    let web = json!({ "app": "web" });
    assert_eq!(found(&sets, "shop", &web), "y z a b c d");
    assert_eq!(found(&sets, "bar", &web), "x y a b c d");
    assert_eq!(found(&sets, "other", &web), "a b c d");
    assert_eq!(found(&sets, "shop", &json!({ "app": "db" })), "");
}

#[rstest]
#[case::label(json!({ "matchLabels": { "app": "web", "tier": "x" } }), json!({ "app": "web", "tier": "x" }), true)]
#[case::one_of_several(expression("app", "In", json!(["db", "web"])), json!({ "app": "web" }), true)]
#[case::none_of_several(expression("app", "In", json!(["db", "x"])), json!({ "app": "web" }), false)]
#[case::any_value(expression("app", "Exists", json!(null)), json!({ "app": "web" }), true)]
#[case::no_value(expression("app", "Exists", json!(null)), json!({ "tier": "x" }), false)]
#[case::no_demand(expression("app", "NotIn", json!(["x"])), json!({}), true)]
#[case::absence(expression("app", "DoesNotExist", json!(null)), json!({}), true)]
// SS-104
#[case::empty(json!({}), json!({ "app": "web" }), false)]
#[case::no_selector(json!(null), json!({ "app": "web" }), false)]
#[case::impossible(expression("app", "In", json!([])), json!({ "app": "web" }), false)]
#[case::unreadable(expression("app", "Like", json!(["w*"])), json!({ "app": "web" }), false)]
fn a_selector_demands_labels(#[case] selector: Value, #[case] pod: Value, #[case] is_found: bool) {
    let mut set = set("s", json!({}));
    set["spec"]["selector"] = selector;
    assert_eq!(found(&[set], "shop", &pod) == "s", is_found);
}

// SS-103, SS-A10
#[test]
fn paused_ones_are_not_looked_at() {
    let paused = set("s", json!({ "injectionStrategy": { "paused": true } }));
    assert_eq!(found(&[paused], "shop", &json!({ "app": "web" })), "");
}

// A label that all SidecarSets demand would find all of them.
#[test]
fn the_rarest_label_finds_them() {
    let sets: Vec<Value> = (0..50)
        .map(|number| {
            let labels =
                json!({ "app": null, "aaa": "same", "name": format!("n{number}"), "zzz": "same" });
            set(
                &format!("s{number}"),
                json!({ "selector": { "matchLabels": labels } }),
            )
        })
        .collect();
    let pod = json!({ "aaa": "same", "name": "n7", "zzz": "same" });
    // Two of the first ones may have been put under the labels that all have.
    let found = found(&sets, "shop", &pod);
    let found: Vec<&str> = found.split(' ').collect();
    assert!(found.contains(&"s7") && found.len() <= 3, "{found:?}");
}

#[test]
fn a_change_takes_the_place_of_what_was_before() {
    let index = SidecarSetIndex::default();
    let first = decoded(&in_namespaces(
        "s",
        json!({ "matchLabels": { NAME: "shop" } }),
    ));
    let mut second = decoded(&set(
        "s",
        json!({ "selector": { "matchLabels": { "app": "db" } } }),
    ));
    second.status.latest_revision = "s-1".to_owned();
    let find = |namespace, app: &str| {
        let candidates = index.candidates(namespace, &labels(&json!({ "app": app })));
        names(&candidates).join(" ")
    };
    index.change(None, Some(&first));
    assert_eq!(find("shop", "web"), "s");
    index.change(Some(&first), Some(&second));
    assert_eq!(
        (find("shop", "web"), find("other", "db")),
        (String::new(), "s".to_owned())
    );

    // What pods see of it is as it was, so that nothing is prepared anew.
    let candidate = || {
        index
            .candidates("other", &labels(&json!({ "app": "db" })))
            .remove(0)
    };
    let before = candidate();
    let mut third = second.clone();
    third.status.matched_pods = 7;
    index.change(Some(&second), Some(&third));
    assert!(Arc::ptr_eq(&before, &candidate()));
    // SS-136: pods record it.
    let mut fourth = third.clone();
    fourth.status.latest_revision = "s-2".to_owned();
    index.change(Some(&third), Some(&fourth));
    assert_eq!(candidate().latest.revision, "s-2");

    index.change(Some(&fourth), None);
    assert_eq!(find("other", "db"), "");
}

fn any_requirement() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    let values = prop::collection::vec(prop::sample::select(vec!["1", "2"]), 0..3);
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    (key, operator, values).prop_map(
        |(key, operator, values)| json!({ "key": key, "operator": operator, "values": values }),
    )
}

fn any_map() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(vec!["1", "2"]);
    prop::collection::btree_map("[abc]", value, 0..3).prop_map(|map| json!(map))
}

fn any_selector() -> impl Strategy<Value = Value> {
    let requirements = prop::collection::vec(any_requirement(), 0..3);
    (any_map(), requirements)
        .prop_map(|(labels, requirements)| json!({ "app": null, "matchLabels": labels, "matchExpressions": requirements }))
}

proptest! {
    // The index may show what doesn't match, and never lacks what does.
    #[test]
    fn the_index_misses_nobody(
        selectors in prop::collection::vec(any_selector(), 1..8),
        changed in any_selector(),
        pod in any_map(),
    ) {
        let mut sets: Vec<Value> = selectors.into_iter().enumerate().map(|(number, selector)| {
            let mut set = set(&format!("s{number}"), json!({}));
            set["spec"]["selector"] = selector;
            set
        }).collect();
        let index = index(&sets);
        let before = decoded(&sets[0]);
        sets[0]["spec"]["selector"] = changed;
        index.change(Some(&before), Some(&decoded(&sets[0])));
        let pod = labels(&pod);
        let found = index.candidates("shop", &pod);
        let matching: Vec<&str> = found.iter()
            .filter(|candidate| candidate.matches(&pod, None))
            .map(|candidate| candidate.latest.name.as_str())
            .collect();
        let expected: Vec<&str> = sets.iter().filter(|set| {
            let selector = serde_json::from_value(set["spec"]["selector"].clone()).unwrap();
            let selector = kruise_api::selector::Selector::parse(&selector).unwrap();
            !selector.is_empty() && selector.matches(&pod)
        }).map(|set| set["metadata"]["name"].as_str().unwrap()).collect();
        prop_assert_eq!(matching, expected);
    }
}

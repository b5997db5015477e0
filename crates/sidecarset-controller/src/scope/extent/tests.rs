use std::collections::BTreeMap;

use kruise_api::{apps::v1beta1, meta::StringMap, selector::Selector};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::scope::{LONGEST_EXPRESSION, MOST_VALUES, Reach};

fn anchors(specs: &Value) -> Vec<Anchor> {
    let specs: Vec<v1beta1::SidecarSetSpec> = serde_json::from_value(specs.clone()).unwrap();
    let anchors = specs.iter().filter_map(|spec| Reach::from(spec).anchor());
    anchors.collect()
}

fn extent(specs: &Value) -> Extent {
    Extent::of(&anchors(specs))
}

fn label(key: &str, values: &[&str]) -> Anchor {
    Anchor {
        label: Some(LabelAnchor {
            key: key.to_owned(),
            values: OneOf::these(values.iter().copied()),
        }),
        ..Anchor::default()
    }
}

#[rstest]
#[case::no_sets(json!([]), Some("false"))]
#[case::one_label(
    json!([{ "selector": { "matchLabels": { "app": "web" } } }]),
    Some("has(object.metadata.labels) && 'app' in object.metadata.labels \
        && object.metadata.labels['app'] in ['web']")
)]
#[case::values_of_one_label_stand_together(
    json!([
        { "selector": { "matchLabels": { "app": "web" } } },
        { "selector": { "matchLabels": { "app": "db" } } },
    ]),
    Some("has(object.metadata.labels) && 'app' in object.metadata.labels \
        && object.metadata.labels['app'] in ['db', 'web']")
)]
#[case::several_labels(
    json!([
        { "selector": { "matchLabels": { "example.com/tier": "front" } } },
        { "selector": { "matchExpressions": [{ "key": "app", "operator": "Exists" }] } },
    ]),
    Some("has(object.metadata.labels) && (('app' in object.metadata.labels) \
        || ('example.com/tier' in object.metadata.labels \
        && object.metadata.labels['example.com/tier'] in ['front']))")
)]
#[case::namespaces(
    json!([
        { "selector": { "matchLabels": { "app": "web" } } },
        { "selector": { "matchLabels": { "app": "web" } },
          "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "a" } } },
        { "selector": { "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] },
          "namespaceSelector": { "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["c", "b"] }] } },
    ]),
    Some("((has(object.metadata.labels) && 'app' in object.metadata.labels \
        && object.metadata.labels['app'] in ['web']) || (request.namespace in ['b', 'c']))")
)]
#[case::a_text_that_would_end_the_literal(
    json!([{ "selector": { "matchLabels": { "app": "a'] || true || '\\é" } } }]),
    Some("has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels['app'] in \
        ['a\\U00000027] || true || \\U00000027\\U0000005c\\U000000e9']")
)]
#[case::a_set_that_demands_nothing(
    json!([
        { "selector": { "matchLabels": { "app": "web" } } },
        { "selector": { "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] } },
    ]),
    None
)]
fn the_expression_is_this(#[case] specs: Value, #[case] expected: Option<&str>) {
    let mut reversed = specs.clone();
    reversed.as_array_mut().unwrap().reverse();
    assert_eq!(extent(&specs).expression().as_deref(), expected);
    assert_eq!(extent(&reversed).expression().as_deref(), expected);
}

#[test]
fn beyond_the_bounds_it_gets_wider() {
    let values = |n: usize| (0..n).map(|n| label("app", &[&n.to_string()]));
    let all = Extent::of(&values(MOST_VALUES).collect::<Vec<_>>());
    assert!(!all.covers(&label("app", &["other"])));
    let too_many = Extent::of(&values(MOST_VALUES + 1).collect::<Vec<_>>());
    assert!(too_many.covers(&label("app", &["other"])));
    assert_eq!(too_many.form(), Form::Keys);

    let keys = |n: usize| (0..n).map(|n| label(&n.to_string(), &["x"]));
    let all = Extent::of(&keys(MOST_KEYS).collect::<Vec<_>>());
    assert_eq!(all.form(), Form::Keys);
    let too_many = Extent::of(&keys(MOST_KEYS + 1).collect::<Vec<_>>());
    assert_eq!(too_many, Extent::everything());

    let long = "x".repeat(2 * LONGEST_EXPRESSION / MOST_VALUES);
    let values = |n: usize| (0..n).map(|n| label("app", &[&format!("{long}{n}")]));
    let too_long = Extent::of(&values(MOST_VALUES).collect::<Vec<_>>());
    assert!(too_long.covers(&label("app", &["other"])));
    assert_eq!(too_long.form(), Form::Keys);

    let long = "x".repeat(4096);
    let keys: Vec<_> = (0..20)
        .map(|n| label(&format!("{long}{n}"), &["x"]))
        .collect();
    assert_eq!(Extent::of(&keys).form(), Form::Everything);
}

// Namespaces are given up before labels are.
#[test]
fn too_many_labels_in_many_namespaces_are_asked_about_everywhere() {
    let in_namespace = |n: usize| Anchor {
        namespaces: OneOf::these([n.to_string()]),
        ..label("app", &["web"])
    };
    let anchors: Vec<_> = (0..=MOST_KEYS).map(in_namespace).collect();
    let extent = Extent::of(&anchors);
    assert_eq!(extent, Extent::of(&[label("app", &["web"])]));
}

#[test]
fn of_several_regions_together_a_pod_needs_but_one() {
    let in_a = Anchor {
        namespaces: OneOf::these(["a"]),
        ..label("app", &["web"])
    };
    let extent = Extent::of(&[in_a, label("app", &["db"])]);
    let both = Anchor {
        namespaces: OneOf::these(["a"]),
        ..label("app", &["db", "web"])
    };
    assert!(extent.covers(&both));
    assert!(!extent.covers(&label("app", &["db", "web"])));
}

#[rstest]
#[case::everything(Extent::everything(), json!([{}]))]
#[case::nothing(Extent::nothing(), json!([]))]
#[case::keys(
    Extent::of(&[label("app", &["web"]), Anchor { namespaces: OneOf::these(["a"]), label: None }]),
    json!([{ "labels": { "app": ["web"] } }, { "namespaces": ["a"] }])
)]
fn json_has_all_of_it(#[case] extent: Extent, #[case] expected: Value) {
    assert_eq!(serde_json::to_value(&extent).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Extent>(expected).unwrap(), extent);
}

const KEYS: [&str; 4] = ["app", "tier", "team", "kubernetes.io/metadata.name"];

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d"]).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = Value> {
    let key = || prop::sample::select(KEYS.to_vec());
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let values = prop::collection::vec(text(), 1..3);
    let expression = (key(), operator, values).prop_map(|(key, operator, values)| {
        let takes_values = operator.ends_with("In");
        let values = if takes_values { values } else { vec![] };
        json!({ "key": key, "operator": operator, "values": values })
    });
    let labels = prop::collection::btree_map(key(), text(), 0..2);
    let expressions = prop::collection::vec(expression, 0..3);
    (labels, expressions).prop_map(
        |(labels, expressions)| json!({ "matchLabels": labels, "matchExpressions": expressions }),
    )
}

fn set() -> impl Strategy<Value = v1beta1::SidecarSetSpec> {
    let namespaces = prop::option::of(selector());
    (selector(), namespaces, prop::bool::weighted(0.1)).prop_map(
        |(selector, namespaces, paused)| {
            let spec = json!({
                "selector": selector, "namespaceSelector": namespaces,
                "injectionStrategy": { "paused": paused },
            });
            serde_json::from_value(spec).unwrap()
        },
    )
}

/// SS-103, SS-104 in so many words.
fn matches(set: &v1beta1::SidecarSetSpec, namespace: &StringMap, labels: &StringMap) -> bool {
    let parse = |selector| Selector::parse(selector).unwrap();
    let selector = parse(set.selector.as_ref().unwrap());
    let namespaces = set.namespace_selector.as_ref().map(parse);
    let is_paused = set.injection_strategy.as_ref().unwrap().paused;
    !is_paused
        && !selector.is_empty()
        && selector.matches(labels)
        && namespaces.is_none_or(|namespaces| namespaces.matches(namespace))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    // Whatever a SidecarSet matches, the extent admits, and what is recorded of it.
    #[test]
    fn no_pod_slips_through(
        sets in prop::collection::vec(set(), 1..6),
        name in text(),
        team in prop::option::of(text()),
        labels in prop::collection::btree_map(prop::sample::select(KEYS.to_vec()), text(), 0..4),
    ) {
        let labels: StringMap = labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let mut namespace: StringMap = team.into_iter().map(|team| ("team".to_owned(), team)).collect();
        namespace.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
        let anchors: Vec<_> = sets.iter().filter_map(|set| Reach::from(set).anchor()).collect();
        let extent = Extent::of(&anchors);
        let recorded: Extent = serde_json::from_value(serde_json::to_value(&extent).unwrap()).unwrap();
        prop_assert_eq!(&recorded, &extent);
        if sets.iter().any(|set| matches(set, &namespace, &labels)) {
            prop_assert!(extent.admits(&name, &labels), "{:?}", extent);
        }
    }

    // What is covered stays so, whatever comes to it; and it means that the anchor's pods are admitted.
    #[test]
    fn wider_is_never_narrower(
        first in prop::collection::vec(set(), 0..6),
        more in prop::collection::vec(set(), 0..6),
        pod in (text(), prop::collection::btree_map(prop::sample::select(KEYS.to_vec()), text(), 0..4)),
    ) {
        let anchors = |sets: &[v1beta1::SidecarSetSpec]| -> Vec<Anchor> {
            sets.iter().filter_map(|set| Reach::from(set).anchor()).collect()
        };
        let (first, more) = (anchors(&first), anchors(&more));
        let (name, labels) = pod;
        let labels: StringMap = labels.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let before = Extent::of(&first);
        let after = before.clone().with(&more);
        let by_label: BTreeMap<_, _> = labels.clone();
        prop_assert!(!before.admits(&name, &by_label) || after.admits(&name, &by_label));
        for anchor in first.iter().chain(&more) {
            prop_assert!(after.covers(anchor), "{anchor:?} in {after:?}");
            prop_assert!(before.covers(anchor) || more.contains(anchor));
            let alone = Extent::of([anchor]);
            prop_assert!(!alone.admits(&name, &labels) || after.admits(&name, &labels));
        }
        for anchor in &more {
            let alone = Extent::of([anchor]);
            if before.covers(anchor) && alone.admits(&name, &labels) {
                prop_assert!(before.admits(&name, &labels), "{anchor:?} in {before:?}");
            }
        }
    }
}

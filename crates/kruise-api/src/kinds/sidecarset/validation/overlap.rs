//! Whether two selectors may select the same object, as admission of SidecarSets sees it (SS-57). It is another rough
//! test than the one for budgets: labels with different keys don't keep selectors apart, a demanded key does.

use std::collections::{BTreeMap, BTreeSet};

use crate::meta::LabelSelector;

/// Values of a label that a selector selects.
enum Values<'a> {
    All,
    These(BTreeSet<&'a str>),
}

/// Whether two selectors overlap.
pub(super) fn overlap(a: &LabelSelector, b: &LabelSelector) -> bool {
    let has_expressions =
        |selector: &LabelSelector| selector.match_expressions.iter().flatten().next().is_some();
    // Admission of one SidecarSet asks this of all others, and most have labels alone.
    if has_expressions(a) || has_expressions(b) {
        !are_apart(a, b) && !are_apart(b, a)
    } else {
        !have_labels_apart(a, b)
    }
}

/// Whether both demand a label, each with another value.
fn have_labels_apart(a: &LabelSelector, b: &LabelSelector) -> bool {
    let of_b = b.match_labels.as_ref();
    let mut of_a = a.match_labels.iter().flatten();
    of_a.any(|(key, value)| {
        let other = of_b.and_then(|labels| labels.get(key));
        other.is_some_and(|other| other != value)
    })
}

/// Whether some requirement of `b` refuses whatever `a` selects.
fn are_apart(a: &LabelSelector, b: &LabelSelector) -> bool {
    let selected = selected(a);
    let misses = |key: &str, wanted: &[&str]| match selected.get(key) {
        Some(Values::These(values)) => !wanted.iter().any(|value| values.contains(value)),
        Some(Values::All) | None => false,
    };
    let mut labels = b.match_labels.iter().flatten();
    let mut expressions = b.match_expressions.iter().flatten();
    labels.any(|(key, value)| misses(key, &[value]))
        || expressions.any(|expression| {
            let key = expression.key.as_str();
            let wanted: Vec<&str> = expression
                .values
                .iter()
                .flatten()
                .map(String::as_str)
                .collect();
            match expression.operator.as_str() {
                "In" => misses(key, &wanted),
                "NotIn" => match selected.get(key) {
                    Some(Values::These(values)) => {
                        values.iter().all(|value| wanted.contains(value))
                    }
                    Some(Values::All) | None => false,
                },
                "Exists" => !selected.contains_key(key),
                "DoesNotExist" => selected.contains_key(key),
                _ => false,
            }
        })
}

fn selected(selector: &LabelSelector) -> BTreeMap<&str, Values<'_>> {
    let mut selected = BTreeMap::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        selected.insert(key.as_str(), Values::These([value.as_str()].into()));
    }
    for expression in selector.match_expressions.iter().flatten() {
        let key = expression.key.as_str();
        match expression.operator.as_str() {
            "In" => {
                let values = selected
                    .entry(key)
                    .or_insert_with(|| Values::These(BTreeSet::new()));
                if let Values::These(values) = values {
                    values.extend(expression.values.iter().flatten().map(String::as_str));
                }
            }
            "Exists" => {
                selected.insert(key, Values::All);
            }
            _ => {}
        }
    }
    selected
}

//! Whether two selectors may select the same pod, as admission sees it (PB-9): a rough test that looks at each key by
//! itself, and takes selectors about different keys for selectors of different pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::meta::LabelSelector;

/// What a selector asks of one label.
enum Demand<'a> {
    In(BTreeSet<&'a str>),
    NotIn(BTreeSet<&'a str>),
    Exists,
    DoesNotExist,
}

/// Whether two selectors overlap. A selector that can't be read overlaps with none.
pub(super) fn overlap(a: &LabelSelector, b: &LabelSelector) -> bool {
    let (Some(a), Some(b)) = (demands(a), demands(b)) else {
        return false;
    };
    a.len() == b.len()
        && a.iter()
            .all(|(key, demand)| b.get(key).is_some_and(|other| compatible(demand, other)))
}

/// One demand a key: a later expression replaces an earlier one, and a label replaces both.
fn demands(selector: &LabelSelector) -> Option<BTreeMap<&str, Demand<'_>>> {
    let mut demands = BTreeMap::new();
    for expression in selector.match_expressions.iter().flatten() {
        let values = || expression.values.iter().flatten().map(String::as_str);
        let demand = match expression.operator.as_str() {
            "In" => Demand::In(values().collect()),
            "NotIn" => Demand::NotIn(values().collect()),
            "Exists" => Demand::Exists,
            "DoesNotExist" => Demand::DoesNotExist,
            _ => return None,
        };
        demands.insert(expression.key.as_str(), demand);
    }
    for (key, value) in selector.match_labels.iter().flatten() {
        demands.insert(key.as_str(), Demand::In([value.as_str()].into()));
    }
    Some(demands)
}

fn compatible(a: &Demand<'_>, b: &Demand<'_>) -> bool {
    match (a, b) {
        (Demand::In(a), Demand::In(b)) => !a.is_disjoint(b),
        (Demand::In(wanted), Demand::NotIn(refused))
        | (Demand::NotIn(refused), Demand::In(wanted)) => !wanted.is_subset(refused),
        (Demand::In(_) | Demand::Exists, Demand::DoesNotExist)
        | (Demand::DoesNotExist, Demand::In(_) | Demand::Exists) => false,
        (Demand::In(_) | Demand::NotIn(_) | Demand::Exists, Demand::Exists)
        | (Demand::Exists, Demand::In(_) | Demand::NotIn(_))
        | (Demand::NotIn(_) | Demand::DoesNotExist, Demand::NotIn(_))
        | (Demand::NotIn(_) | Demand::DoesNotExist, Demand::DoesNotExist) => true,
    }
}

//! The scatter strategy: pods of one kind are spread over the order of an update (IP-83 to IP-85).

use std::{cmp::Reverse, collections::BTreeSet};

use crate::{pod::Pod, spec_parts::UpdateScatterTerm, text::Text};

/// The terms without wildcards. A term with the value `*` is replaced by one term for each value that its
/// label has on the pods, in the pods' order. This is for workloads whose terms have wildcards
/// (SidecarSet). Others take the asterisk literally (IP-84).
#[must_use]
pub fn expand_wildcards(terms: &[UpdateScatterTerm], pods: &[&Pod]) -> Vec<UpdateScatterTerm> {
    let mut expanded = Vec::new();
    for term in terms {
        if term.value != "*" {
            expanded.push(term.clone());
            continue;
        }
        let mut seen = BTreeSet::new();
        let values = pods
            .iter()
            .filter_map(|pod| pod.metadata.labels.get(&term.key));
        for value in values {
            if seen.insert(value) {
                expanded.push(UpdateScatterTerm {
                    key: term.key.clone(),
                    value: value.to_string(),
                    ..UpdateScatterTerm::default()
                });
            }
        }
    }
    expanded
}

/// Spreads the waiting pods by each term that any of them matches. The term with the most matches goes
/// first.
pub(super) fn spread(
    pods: &[&Pod],
    mut waiting: Vec<usize>,
    terms: &[UpdateScatterTerm],
) -> Vec<usize> {
    if waiting.len() <= 1 {
        return waiting;
    }
    if let [term] = terms {
        return spread_one(pods, waiting, term);
    }
    let mut counted: Vec<(usize, &UpdateScatterTerm)> = terms
        .iter()
        .map(|term| {
            let n_waiting = waiting
                .iter()
                .filter_map(|index| pods.get(*index))
                .filter(|pod| {
                    let label = pod.metadata.labels.get(&term.key);
                    label.is_some_and(|label| *label == term.value)
                })
                .count();
            (n_waiting, term)
        })
        .filter(|(n_waiting, _)| *n_waiting > 0)
        .collect();
    counted.sort_by_key(|(n_waiting, _)| Reverse(*n_waiting));
    for (_, term) in counted {
        waiting = spread_one(pods, waiting, term);
    }
    waiting
}

/// Alternates groups of pods that match with groups of others, so that one pod that matches is the
/// very last.
fn spread_one(pods: &[&Pod], waiting: Vec<usize>, term: &UpdateScatterTerm) -> Vec<usize> {
    let (mut matching, others): (Vec<usize>, Vec<usize>) = waiting
        .iter()
        .copied()
        .partition(|index| pods.get(*index).is_some_and(|pod| matches(pod, term)));
    if matching.len() <= 1 || others.len() <= 1 {
        return waiting;
    }
    let tail = matching.pop();
    // One less, since the tail is not in a group.
    let n_all_matching = pods.iter().filter(|pod| matches(pod, term)).count() - 1;
    let n_all_others = pods.len() - n_all_matching - 1;
    let Groups {
        n_groups,
        n_matching,
        n_others,
        n_others_first,
    } = Groups::of(
        (matching.len(), others.len()),
        (n_all_matching, n_all_others),
    );

    let mut matching = matching.into_iter();
    let mut others = others.into_iter();
    let mut order = Vec::with_capacity(waiting.len());
    order.extend(others.by_ref().take(n_others_first));
    for _ in 0..n_groups {
        order.extend(matching.by_ref().take(n_matching));
        order.extend(others.by_ref().take(n_others));
    }
    order.extend(matching);
    order.extend(others);
    order.extend(tail);
    order
}

/// Whether the pod has the term's label and value. A missing label counts as empty.
fn matches(pod: &Pod, term: &UpdateScatterTerm) -> bool {
    pod.metadata.labels.get(&term.key).map_or("", Text::as_str) == term.value
}

/// How two kinds of pods alternate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Groups {
    n_groups: usize,
    n_matching: usize,
    n_others: usize,
    /// Others that go before the first group.
    n_others_first: usize,
}

impl Groups {
    /// The pattern for these numbers of (matching, other) pods, among the waiting pods and among all pods.
    /// Each number is positive. When the share of others is larger among the waiting pods than among all
    /// pods, the pattern of all pods is kept, and the others in excess go first.
    fn of(waiting: (usize, usize), all: (usize, usize)) -> Self {
        let pattern = Self::even(waiting);
        if ratio(all) >= ratio(waiting) {
            return pattern;
        }
        let Self {
            n_matching,
            n_others,
            ..
        } = Self::even(all);
        let n_groups = (waiting.0 / n_matching.max(1)).min(waiting.1 / n_others.max(1));
        let n_others_first = waiting.1 - n_groups * n_others;
        Self {
            n_groups,
            n_matching,
            n_others,
            n_others_first,
        }
    }

    /// The pattern that spreads these numbers of pods evenly.
    fn even((matching, others): (usize, usize)) -> Self {
        let n_groups = matching.min(others);
        // `round` goes away from zero on halves, as Go's does.
        let size = |count: usize| {
            let size = (count as f64 / n_groups.max(1) as f64).round();
            size as usize
        };
        Self {
            n_groups,
            n_matching: size(matching),
            n_others: size(others),
            n_others_first: 0,
        }
    }
}

/// How many others there are for each matching pod. In single precision, as the reference compares.
fn ratio((matching, others): (usize, usize)) -> f32 {
    others as f32 / matching as f32
}

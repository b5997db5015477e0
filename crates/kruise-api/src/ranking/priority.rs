//! The priority strategy: by weights of selectors, or by numbers in labels (IP-80 to IP-82).

use std::cmp::Reverse;

use crate::{
    pod::Pod,
    selector::Selector,
    spec_parts::{UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm},
};

/// Sorts stably. If both forms are given, weights win.
pub(super) fn sort(pods: &[&Pod], waiting: &mut [usize], strategy: &UpdatePriorityStrategy) {
    let weights = strategy.weight_priority.as_deref().unwrap_or_default();
    let keys = strategy.order_priority.as_deref().unwrap_or_default();
    if !weights.is_empty() {
        let terms = readable(weights);
        waiting.sort_by_key(|index| Reverse(pods.get(*index).map(|pod| weight(pod, &terms))));
    } else if !keys.is_empty() {
        waiting.sort_by_key(|index| {
            pods.get(*index).map(|pod| {
                let (level, number) = level_and_number(pod, keys);
                (level, Reverse(number))
            })
        });
    }
}

/// Terms whose selector can't be read give no weight to any pod.
fn readable(terms: &[UpdatePriorityWeightTerm]) -> Vec<(i64, Selector)> {
    terms
        .iter()
        .filter_map(|term| {
            let selector = Selector::parse(&term.match_selector).ok()?;
            Some((i64::from(term.weight), selector))
        })
        .collect()
}

fn weight(pod: &Pod, terms: &[(i64, Selector)]) -> i64 {
    terms
        .iter()
        .filter(|(_, selector)| selector.matches(&pod.metadata.labels))
        .map(|(weight, _)| weight)
        .sum()
}

/// Position of the first key that the pod has, and the number at the end of its value. Pods that have
/// none of the keys come first, as in the reference and against its description.
fn level_and_number(pod: &Pod, keys: &[UpdatePriorityOrderTerm]) -> (Option<usize>, i64) {
    keys.iter()
        .enumerate()
        .find_map(|(level, term)| {
            let value = pod.metadata.labels.get(&term.ordered_key)?;
            Some((Some(level), trailing_number(value)))
        })
        .unwrap_or((None, 0))
}

/// The number at the end of a label's value. 0 when there are no digits, and when the number doesn't fit.
fn trailing_number(value: &str) -> i64 {
    let text = value.trim_end_matches(|character: char| character.is_ascii_digit());
    value
        .get(text.len()..)
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

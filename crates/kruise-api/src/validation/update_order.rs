//! Priority and scatter strategies: one set of rules for CloneSet, Advanced StatefulSet and SidecarSet
//! (inplace-update.md, section 4). What is wrong inside of a strategy is told as an error of the whole
//! strategy.

use std::collections::BTreeSet;

use super::{FieldError, FieldErrors, FieldPath, labels::label_selector};
use crate::spec_parts::{UpdatePriorityStrategy, UpdateScatterTerm};

/// Words that the rules in CRDs have as well.
pub(crate) const BOTH_PRIORITIES: &str = "must have weightPriority or orderPriority, not both";
pub(crate) const WEIGHT: &str = "must be between 0 and 100";
pub(crate) const MATCH_SELECTOR: &str = "must have matchLabels or matchExpressions";
pub(crate) const NOT_EMPTY: &str = "must not be empty";
pub(crate) const MAX_WEIGHT: i32 = 100;

/// What is wrong with the order by weights or labels.
pub(crate) fn priority(strategy: &UpdatePriorityStrategy, path: &FieldPath) -> FieldErrors {
    let weights = strategy.weight_priority.as_deref().unwrap_or_default();
    let keys = strategy.order_priority.as_deref().unwrap_or_default();
    let mut errors = FieldErrors::new();
    if !weights.is_empty() && !keys.is_empty() {
        errors.push(FieldError::required(path, BOTH_PRIORITIES));
    }
    for (index, term) in weights.iter().enumerate() {
        let at = FieldPath::new("weightPriority").index(index);
        // 0 is taken although OpenKruise's text says 1-100.
        if !(0..=MAX_WEIGHT).contains(&term.weight) {
            errors.push(inside(path, &at.child("weight"), WEIGHT));
        }
        let at = at.child("matchSelector");
        let selector = &term.match_selector;
        if selector.match_labels.is_none() && selector.match_expressions.is_none() {
            errors.push(inside(path, &at, MATCH_SELECTOR));
        }
        for error in label_selector(selector, &at) {
            errors.push(FieldError::required(path, error.to_string()));
        }
    }
    for (index, term) in keys.iter().enumerate() {
        if term.ordered_key.is_empty() {
            let at = FieldPath::new("orderPriority").index(index);
            errors.push(inside(path, &at.child("orderedKey"), NOT_EMPTY));
        }
    }
    errors
}

/// What is wrong with the labels whose pods are spread. An empty value is a value.
pub(crate) fn scatter(terms: &[UpdateScatterTerm], path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut seen = BTreeSet::new();
    for (index, UpdateScatterTerm { key, value, .. }) in terms.iter().enumerate() {
        let at = format!("[{index}]");
        if key.is_empty() {
            errors.push(FieldError::required(path, format!("{at}.key: {NOT_EMPTY}")));
        }
        if !seen.insert((key, value)) {
            let detail = format!("{at}: {key}={value} is there twice");
            errors.push(FieldError::required(path, detail));
        }
    }
    errors
}

fn inside(path: &FieldPath, at: &FieldPath, what: &str) -> FieldError {
    FieldError::required(path, format!("{at}: {what}"))
}

//! What admission refuses in a DaemonSet (DS-13 to DS-20). v1alpha1 is judged in the form of v1beta1, which means the
//! same once its defaults are filled in.

use serde_json::Value;

use super::{
    spec::{DaemonSetUpdateStrategyType, RollingUpdateDaemonSet, RollingUpdateType},
    texts,
    v1beta1::{DaemonSet, DaemonSetSpec},
};
use crate::{
    int_or_string::IntOrString,
    validation::{FieldError, FieldErrors, FieldPath, numbers, workload},
};

/// Code of the answer to a new object that is refused here (PF-211).
pub const ANSWER_CODE_FOR_CREATE: u16 = 500;

/// Code of the answer to a change that is refused here (PF-211).
pub const ANSWER_CODE_FOR_UPDATE: u16 = 422;

/// What is wrong with a DaemonSet that has its defaults, and with the change that made it of `old`.
pub fn validate(set: &DaemonSet, old: Option<&DaemonSet>) -> FieldErrors {
    let DaemonSetSpec {
        selector,
        template,
        update_strategy: _,
        min_ready_seconds,
        burst_replicas: _,
        revision_history_limit,
        lifecycle,
        scale_strategy: _,
        unknown: _,
    } = &set.spec;
    let mut errors = FieldErrors::new();
    if old.is_some_and(|old| !workload::same_selector(selector, &old.spec.selector)) {
        errors.push(workload::selector_changed());
    }
    // DS-13, DS-14
    let parsed = workload::checked_selector(selector, &mut errors);
    if let Some(view) = errors.take(workload::template(template)) {
        let path = FieldPath::new("spec.template.spec");
        errors.extend(workload::endless_pods(template, &path));
        if let Some(selector) = parsed {
            errors.take(workload::labels_match(&selector, &view.metadata.labels));
        }
    }
    // DS-15
    for (field, number) in [
        ("spec.minReadySeconds", Some(*min_ready_seconds)),
        ("spec.revisionHistoryLimit", *revision_history_limit),
    ] {
        errors.extend(numbers::not_negative(&FieldPath::new(field), number));
    }
    errors.extend(update_strategy(&set.spec));
    // DS-20
    if lifecycle
        .as_ref()
        .is_some_and(|lifecycle| lifecycle.in_place_update.is_some())
    {
        let path = FieldPath::new("spec.lifecycle.inPlaceUpdate");
        errors.push(FieldError::forbidden(&path, texts::IN_PLACE_HOOK));
    }
    errors
}

/// DS-16
fn update_strategy(spec: &DaemonSetSpec) -> FieldErrors {
    let path = FieldPath::new("spec.updateStrategy");
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    match strategy.type_.unwrap_or_default() {
        DaemonSetUpdateStrategyType::OnDelete => FieldErrors::new(),
        DaemonSetUpdateStrategyType::RollingUpdate => {
            let path = path.child("rollingUpdate");
            match strategy.rolling_update {
                Some(rolling_update) => terms(&rolling_update, &path),
                None => {
                    let why = "must be given when type is RollingUpdate";
                    FieldErrors::from_iter([FieldError::required(&path, why)])
                }
            }
        }
        DaemonSetUpdateStrategyType::Other(word) => {
            let path = path.child("type");
            FieldErrors::from_iter([FieldError::not_supported(&path, &word, &texts::TYPES)])
        }
    }
}

fn terms(terms: &RollingUpdateDaemonSet, path: &FieldPath) -> FieldErrors {
    let RollingUpdateDaemonSet {
        type_,
        max_unavailable,
        max_surge,
        selector: _,
        partition,
        paused: _,
        unknown: _,
    } = terms;
    let mut errors = FieldErrors::new();
    // DS-17
    let at_unavailable = path.child("maxUnavailable");
    let at_surge = path.child("maxSurge");
    let unavailable = max_unavailable.as_ref().filter(|value| is_set(value));
    let surge = max_surge.as_ref().filter(|value| is_set(value));
    for (at, value) in [(&at_unavailable, unavailable), (&at_surge, surge)] {
        errors.extend(value.and_then(|value| numbers::count_or_share(at, value)));
    }
    match (unavailable, surge) {
        (Some(_), Some(surge)) => errors.push(FieldError::invalid(
            &at_surge,
            Value::from(surge),
            "may not be set when maxUnavailable is not 0",
        )),
        (None, None) => errors.push(FieldError::required(
            &at_unavailable,
            "can't be 0 when maxSurge is 0",
        )),
        _ => {}
    }
    // DS-18
    let word = type_.as_ref().map(RollingUpdateType::as_str);
    match word.unwrap_or_default() {
        "" | "Standard" => {}
        "InPlaceIfPossible" => errors.extend(surge.map(|surge| {
            let why = "must be 0 for InPlaceIfPossible, which makes no pod beside the old one";
            FieldError::invalid(&at_surge, Value::from(surge), why)
        })),
        unknown => {
            let supported = ["Standard", "InPlaceIfPossible"];
            let path = path.child("rollingUpdateType");
            errors.push(FieldError::not_supported(&path, unknown, &supported));
        }
    }
    // DS-19
    let at = path.child("partition");
    let partition = partition.as_ref();
    errors.extend(partition.and_then(|value| numbers::count_or_share(&at, value)));
    errors
}

/// Whether a budget counts as given: its number is not 0. A text that is neither a percentage nor a number counts as 0
/// (DS-17).
fn is_set(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(number) => *number != 0,
        IntOrString::String(text) => match numbers::percentage(text) {
            Some(percent) => percent != 0,
            None => text.parse().is_ok_and(|number: i64| number != 0),
        },
    }
}

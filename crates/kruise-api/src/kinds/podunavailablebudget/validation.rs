//! What admission refuses in a PodUnavailableBudget (PB-6 to PB-10). v1alpha1 is judged in the form of v1beta1, once its
//! annotations are found to be readable. That the gates are off is for the deployable to answer (PB-5).

mod overlap;

use super::{
    conversion::{operations, text},
    spec::{ProtectedOperation, TargetReference},
    texts,
    v1beta1::{PodUnavailableBudget, PodUnavailableBudgetSpec},
};
use crate::{
    int_or_string::IntOrString,
    meta::{LabelSelector, ObjectMeta, StringMap},
    validation::{FieldError, FieldErrors, FieldPath, not_empty_selector},
    well_known::annotations::{PUB_PROTECT_OPERATIONS, PUB_PROTECT_TOTAL_REPLICAS},
};

/// Code of the answer to what is refused here (PB-6, PB-7, PF-211).
pub const ANSWER_CODE: u16 = 400;

/// Words of [`ProtectedOperation`].
const OPERATIONS: [&str; 4] = ["DELETE", "UPDATE", "EVICT", "RESIZE"];
const SUBJECT: &str = "spec.selector, targetRef";
const LIMITS: &str = "spec.maxUnavailable, minAvailable";

/// Why a budget of version v1alpha1 has no form in v1beta1, by what the user wrote into its annotations (PB-6). The
/// stored object is not asked, so that a wrong value can be corrected (DV-PB1).
#[must_use]
pub fn unreadable_annotation(metadata: &ObjectMeta) -> Option<String> {
    let annotations = StringMap::from(&metadata.annotations);
    let why = unknown_operation(&annotations).or_else(|| unknown_total(&annotations))?;
    Some(format!("failed to convert v1alpha1 PUB to v1beta1: {why}"))
}

/// What is wrong with a budget, and with the change that made it of `old`. `others` are all budgets of its namespace;
/// itself may be among them.
pub fn validate<'a>(
    budget: &PodUnavailableBudget,
    old: Option<&PodUnavailableBudget>,
    others: impl IntoIterator<Item = &'a PodUnavailableBudget>,
) -> FieldErrors {
    let spec = &budget.spec;
    let mut errors = FieldErrors::new();
    errors.extend(total(&budget.metadata, spec));
    errors.extend(subject(spec));
    errors.extend(limits(spec));
    errors.extend(protected(spec));
    // PB-7 l
    if let Some(selector) = &spec.ignored_pod_selector {
        errors.extend(not_empty_selector(
            selector,
            &FieldPath::new("spec.ignoredPodSelector"),
        ));
    }
    if let Some(old) = old
        && !same_subject(spec, &old.spec)
    {
        let path = FieldPath::new(SUBJECT);
        errors.push(FieldError::required(&path, texts::SUBJECT_CHANGED));
    }
    errors.extend(conflict(budget, others));
    errors
}

fn unknown_operation(annotations: &StringMap) -> Option<String> {
    let unknown = operations(text(annotations, PUB_PROTECT_OPERATIONS)?).err()?;
    Some(format!(
        "invalid {PUB_PROTECT_OPERATIONS} value \"{unknown}\""
    ))
}

fn unknown_total(annotations: &StringMap) -> Option<String> {
    let total = text(annotations, PUB_PROTECT_TOTAL_REPLICAS)?;
    let why = total.parse::<i32>().err()?;
    Some(format!(
        "failed to parse {PUB_PROTECT_TOTAL_REPLICAS}: {why}"
    ))
}

/// PB-7 a, b
fn total(metadata: &ObjectMeta, spec: &PodUnavailableBudgetSpec) -> Option<FieldError> {
    let annotation = metadata.annotations.get(PUB_PROTECT_TOTAL_REPLICAS)?;
    let path = FieldPath::new(&format!(
        "metadata.annotations[{PUB_PROTECT_TOTAL_REPLICAS}]"
    ));
    let invalid = |why: &str| Some(FieldError::invalid(&path, annotation.as_str(), why));
    if annotation.parse::<i32>().is_err() {
        return invalid("must be a valid int32");
    }
    match spec.protect_total_replicas {
        Some(total) if total.to_string() != annotation.as_str() => {
            invalid("must match spec.protectTotalReplicas when both are set")
        }
        _ => None,
    }
}

/// PB-7 c to g
fn subject(spec: &PodUnavailableBudgetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    match (&spec.selector, &spec.target_ref) {
        (None, Some(target)) => errors.extend(target_ref(target)),
        (Some(selector), None) => errors.extend(not_empty_selector(
            selector,
            &FieldPath::new("spec.selector"),
        )),
        (None, None) | (Some(_), Some(_)) => errors.push(FieldError::required(
            &FieldPath::new(SUBJECT),
            texts::ONE_SUBJECT,
        )),
    }
    errors
}

fn target_ref(target: &TargetReference) -> Option<FieldError> {
    let TargetReference {
        api_version,
        kind,
        name,
        unknown: _,
    } = target;
    let why = if [api_version, kind, name].iter().any(|text| text.is_empty()) {
        texts::TARGET
    } else if api_version.matches('/').count() > 1 {
        texts::GROUP_VERSION
    } else {
        return None;
    };
    let value = serde_json::to_value(target).unwrap_or_default();
    Some(FieldError::invalid(
        &FieldPath::new("spec.targetRef"),
        value,
        why,
    ))
}

/// PB-7 h to j
fn limits(spec: &PodUnavailableBudgetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if spec.max_unavailable.is_some() == spec.min_available.is_some() {
        let path = FieldPath::new(LIMITS);
        errors.push(FieldError::required(&path, texts::ONE_LIMIT));
    }
    for (path, limit) in [
        ("spec.maxUnavailable", &spec.max_unavailable),
        ("spec.minAvailable", &spec.min_available),
    ] {
        if let Some(limit) = limit.as_ref().filter(|limit| !is_limit(limit)) {
            let value = serde_json::to_value(limit).unwrap_or_default();
            errors.push(FieldError::invalid(
                &FieldPath::new(path),
                value,
                texts::LIMIT,
            ));
        }
    }
    errors
}

fn is_limit(limit: &IntOrString) -> bool {
    match limit {
        IntOrString::Int(number) => *number >= 0,
        IntOrString::String(text) => text.strip_suffix('%').is_some_and(|digits| {
            let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
            are_digits && digits.parse().is_ok_and(|percent: u64| percent <= 100)
        }),
    }
}

/// PB-7 k
fn protected(spec: &PodUnavailableBudgetSpec) -> FieldErrors {
    let path = FieldPath::new("spec.protectOperations");
    let operations = spec.protect_operations.iter().enumerate();
    let unknown = operations.filter_map(|(index, operation)| match operation {
        ProtectedOperation::Other(word) => Some(FieldError::not_supported(
            &path.index(index),
            word,
            &OPERATIONS,
        )),
        _ => None,
    });
    unknown.collect()
}

/// PB-7 m, PB-10. Absent and empty parts of a selector count as equal.
fn same_subject(spec: &PodUnavailableBudgetSpec, old: &PodUnavailableBudgetSpec) -> bool {
    let parts = |selector: &LabelSelector| {
        (
            selector.match_labels.clone().unwrap_or_default(),
            selector.match_expressions.clone().unwrap_or_default(),
        )
    };
    spec.target_ref == old.target_ref
        && spec.selector.as_ref().map(parts) == old.selector.as_ref().map(parts)
}

/// PB-8: the first other budget that protects the same pods.
fn conflict<'a>(
    budget: &PodUnavailableBudget,
    others: impl IntoIterator<Item = &'a PodUnavailableBudget>,
) -> Option<FieldError> {
    let mut others = others
        .into_iter()
        .filter(|other| other.metadata.name != budget.metadata.name);
    others.find_map(|other| {
        let (path, subject) = match (&budget.spec, &other.spec) {
            (
                PodUnavailableBudgetSpec {
                    target_ref: Some(ours),
                    ..
                },
                PodUnavailableBudgetSpec {
                    target_ref: Some(theirs),
                    ..
                },
            ) if same_target(ours, theirs) => ("spec.targetReference", serde_json::to_value(ours)),
            (
                PodUnavailableBudgetSpec {
                    selector: Some(ours),
                    ..
                },
                PodUnavailableBudgetSpec {
                    selector: Some(theirs),
                    ..
                },
            ) if overlap::overlap(ours, theirs) => ("spec.selector", serde_json::to_value(ours)),
            _ => return None,
        };
        let name = &other.metadata.name;
        let why = format!("PodUnavailableBudget {name} protects the same pods");
        let path = FieldPath::new(path);
        Some(FieldError::invalid(&path, subject.unwrap_or_default(), why))
    })
}

fn same_target(a: &TargetReference, b: &TargetReference) -> bool {
    let group = |target: &TargetReference| {
        let version = target.api_version.as_str();
        version
            .split_once('/')
            .map(|(group, _)| group.to_owned())
            .unwrap_or_default()
    };
    group(a) == group(b) && a.kind == b.kind && a.name == b.name
}

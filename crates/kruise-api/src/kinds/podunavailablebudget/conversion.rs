//! PodUnavailableBudget between v1alpha1 and v1beta1 (PB-1 to PB-4). What v1alpha1 has no field for is in annotations.
//! A text there that can't be read has no effect, and never makes a conversion fail (DV-PB1).

use super::{spec::ProtectedOperation, v1alpha1, v1beta1};
use crate::{
    meta::{LabelSelector, StringMap},
    versions::{Conversion, Marks},
    well_known::annotations::{
        PUB_IGNORED_POD_SELECTOR, PUB_PROTECT_OPERATIONS, PUB_PROTECT_TOTAL_REPLICAS,
    },
};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(to_v1beta1)
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(to_v1alpha1)
    }),
];

impl From<v1alpha1::PodUnavailableBudget> for v1beta1::PodUnavailableBudget {
    fn from(budget: v1alpha1::PodUnavailableBudget) -> Self {
        budget.converted(to_v1beta1, |status, _| status)
    }
}

impl From<v1beta1::PodUnavailableBudget> for v1alpha1::PodUnavailableBudget {
    fn from(budget: v1beta1::PodUnavailableBudget) -> Self {
        budget.converted(to_v1alpha1, |status, _| status)
    }
}

/// The operations that an annotation names.
///
/// # Errors
/// With the word that is no operation. It is empty when there is none at all.
pub(super) fn operations(text: &str) -> Result<Vec<ProtectedOperation>, String> {
    let words = text.split(',').map(str::trim);
    let operations: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(ProtectedOperation::from)
        .collect();
    let unknown = operations
        .iter()
        .find(|operation| matches!(operation, ProtectedOperation::Other(_)));
    match unknown {
        Some(unknown) => Err(unknown.to_string()),
        None if operations.is_empty() => Err(String::new()),
        None => Ok(operations),
    }
}

/// The text of an annotation. An empty one counts as absent.
pub(super) fn text<'a>(annotations: &'a StringMap, key: &str) -> Option<&'a str> {
    let text = annotations.get(key).map(String::as_str);
    text.filter(|text| !text.is_empty())
}

/// PB-1
fn to_v1beta1(
    spec: v1alpha1::PodUnavailableBudgetSpec,
    marks: &mut Marks<'_>,
) -> v1beta1::PodUnavailableBudgetSpec {
    let v1alpha1::PodUnavailableBudgetSpec {
        selector,
        target_ref,
        max_unavailable,
        min_available,
        unknown,
    } = spec;
    let annotations = &mut *marks.annotations;
    let ignored = annotations.remove(PUB_IGNORED_POD_SELECTOR);
    v1beta1::PodUnavailableBudgetSpec {
        selector,
        target_ref,
        max_unavailable,
        min_available,
        protect_operations: text(annotations, PUB_PROTECT_OPERATIONS)
            .and_then(|text| operations(text).ok())
            .unwrap_or_default(),
        protect_total_replicas: text(annotations, PUB_PROTECT_TOTAL_REPLICAS)
            .and_then(|text| text.parse().ok()),
        ignored_pod_selector: ignored
            .and_then(|json| serde_json::from_str::<LabelSelector>(&json).ok()),
        unknown,
    }
}

/// PB-2
fn to_v1alpha1(
    spec: v1beta1::PodUnavailableBudgetSpec,
    marks: &mut Marks<'_>,
) -> v1alpha1::PodUnavailableBudgetSpec {
    let v1beta1::PodUnavailableBudgetSpec {
        selector,
        target_ref,
        max_unavailable,
        min_available,
        protect_operations,
        protect_total_replicas,
        ignored_pod_selector,
        unknown,
    } = spec;
    let annotations = &mut *marks.annotations;
    // An annotation that is in effect without the field stays (DV-PB2).
    let kept = text(annotations, PUB_PROTECT_OPERATIONS)
        .filter(|text| protect_operations.is_empty() && operations(text).is_ok())
        .map(str::to_owned);
    let words: Vec<&str> = protect_operations
        .iter()
        .map(ProtectedOperation::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    let operations = (!words.is_empty()).then(|| words.join(","));
    set(annotations, PUB_PROTECT_OPERATIONS, operations.or(kept));
    let total = protect_total_replicas.map(|total| total.to_string());
    set(annotations, PUB_PROTECT_TOTAL_REPLICAS, total);
    let ignored = ignored_pod_selector.and_then(|selector| serde_json::to_string(&selector).ok());
    set(annotations, PUB_IGNORED_POD_SELECTOR, ignored);
    v1alpha1::PodUnavailableBudgetSpec {
        selector,
        target_ref,
        max_unavailable,
        min_available,
        unknown,
    }
}

/// Writes an annotation, or removes it.
fn set(annotations: &mut StringMap, key: &str, text: Option<String>) {
    match text {
        Some(text) => annotations.insert(key.to_owned(), text),
        None => annotations.remove(key),
    };
}

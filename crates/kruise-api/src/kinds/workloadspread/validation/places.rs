//! The numbers of places of all subsets together (WS-2). The first thing that is wrong with them is told.

use serde_json::Value;

use crate::{
    int_or_string::{IntOrString, Rounding, lenient_percent},
    kinds::workloadspread::v1beta1::WorkloadSpreadSubset,
    validation::{FieldError, FieldPath, numbers::NOT_NEGATIVE},
};

const MIXED: &str = "must be a number where other subsets have numbers, and a percentage where they have percentages";
const NUMBERS_ONLY: &str = "must be a number, since the workload is a StatefulSet";
const NO_PERCENTAGE: &str = "must be a number, or a percentage such as \"20%\"";
const ABOVE_ALL: &str = "percentages must not be more than 100% together";
const BELOW_ALL: &str =
    "must be absent in the last subset when percentages are less than 100% together";

const ALL: i32 = 100;

/// What is wrong with the numbers of subsets of a workload of this kind.
pub(super) fn errors(subsets: &[WorkloadSpreadSubset], kind: &str) -> Option<FieldError> {
    let limited = || {
        let subsets = subsets.iter().enumerate();
        subsets.filter_map(|(index, subset)| Some((index, subset.max_replicas.as_ref()?)))
    };
    let (_, first) = limited().next()?;
    let mut sum = 0_i32;
    for (index, places) in limited() {
        if let Err(why) = judge(places, first, kind, &mut sum) {
            return Some(error(index, places, why));
        }
    }
    // Percentages are less than all, and there is no subset for the rest.
    let (index, last) = limited().next_back()?;
    let is_last = index + 1 == subsets.len();
    (is_last && is_text(first) && sum < ALL).then(|| error(index, last, BELOW_ALL))
}

fn judge(
    places: &IntOrString,
    first: &IntOrString,
    kind: &str,
    sum: &mut i32,
) -> Result<(), &'static str> {
    if is_text(places) != is_text(first) {
        return Err(MIXED);
    }
    if is_text(places) && kind == "StatefulSet" {
        return Err(NUMBERS_ONLY);
    }
    let number = lenient_percent(places, ALL, Rounding::Up).map_err(|_| NO_PERCENTAGE)?;
    if number < 0 {
        return Err(NOT_NEGATIVE);
    }
    if is_text(places) {
        *sum = sum.saturating_add(number);
        if *sum > ALL {
            return Err(ABOVE_ALL);
        }
    }
    Ok(())
}

fn is_text(places: &IntOrString) -> bool {
    matches!(places, IntOrString::String(_))
}

fn error(index: usize, places: &IntOrString, why: &str) -> FieldError {
    let path = FieldPath::new("spec.subsets").index(index);
    FieldError::invalid(&path.child("maxReplicas"), Value::from(places), why)
}

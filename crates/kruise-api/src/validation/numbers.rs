//! Numbers, and texts that stand for them.

use serde_json::Value;

use super::{FieldError, FieldPath};
use crate::int_or_string::IntOrString;

/// Words that the rules in CRDs have as well.
pub(crate) const NOT_NEGATIVE: &str = "must not be negative";
const PERCENTAGE: &str = "must be an integer or a percentage such as \"20%\"";
const ABOVE_ALL: &str = "must not be more than 100%";

/// The percentage that a text is: digits and `%`, as Kubernetes takes it. One that is too large for any number of pods
/// counts as the largest.
pub(crate) fn percentage(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?;
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// What is wrong with a number that must not be negative.
pub(crate) fn not_negative(path: &FieldPath, number: Option<i32>) -> Option<FieldError> {
    let number = number.filter(|number| *number < 0)?;
    Some(FieldError::invalid(path, number, NOT_NEGATIVE))
}

/// What is wrong with a number of pods: it is neither an integer that is not negative nor a percentage.
pub(crate) fn count_or_percentage(path: &FieldPath, value: &IntOrString) -> Option<FieldError> {
    let why = match value {
        IntOrString::Int(number) if *number < 0 => NOT_NEGATIVE,
        IntOrString::String(text) if percentage(text).is_none() => PERCENTAGE,
        _ => return None,
    };
    Some(FieldError::invalid(path, Value::from(value), why))
}

/// What is wrong with a number of pods that may be a percentage of up to 100%.
pub(crate) fn count_or_share(path: &FieldPath, value: &IntOrString) -> Option<FieldError> {
    let is_above_all = match value {
        IntOrString::Int(_) => false,
        IntOrString::String(text) => percentage(text).is_some_and(|percent| percent > 100),
    };
    if is_above_all {
        return Some(FieldError::invalid(path, Value::from(value), ABOVE_ALL));
    }
    count_or_percentage(path, value)
}

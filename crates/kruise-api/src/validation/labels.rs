//! Labels, annotations, names and selectors as Kubernetes' own validation takes them.

use super::{FieldError, FieldErrorKind, FieldErrors, FieldPath};
use crate::meta::{LabelSelector, LabelSelectorRequirement, StringMap};

/// What is wrong with a selector that has no requirement.
pub(crate) const EMPTY_SELECTOR: &str = "must have at least one entry";

const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;
/// Bytes of keys and values of an object's annotations.
const MAX_ANNOTATIONS: usize = 256 * 1024;
const NAME: &str = "must consist of letters, digits, '-', '_' and '.', begin and end with a letter or a \
                    digit, and have at most 63 characters";

/// What is wrong with a label's key: a name, or a DNS subdomain, a slash and a name.
#[must_use]
pub fn label_key(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_dns_subdomain(prefix)) {
        return Some("the part before the slash must be a DNS subdomain".to_owned());
    }
    (!is_name(name)).then(|| format!("the name {NAME}"))
}

/// What is wrong with a label's value, which may be empty.
#[must_use]
pub fn label_value(value: &str) -> Option<String> {
    (!value.is_empty() && !is_name(value))
        .then(|| format!("a label's value may be empty, or {NAME}"))
}

/// What is wrong with a name that has to be a DNS label, in one sentence.
#[must_use]
pub fn dns_label(name: &str) -> Option<String> {
    dns_label_problems(name).next().map(|_| {
        "must consist of lower-case letters, digits and '-', begin and end with a letter or a digit, and have at most \
         63 characters"
            .to_owned()
    })
}

/// What is wrong with a name that has to be a DNS label, problem by problem, as Kubernetes tells it.
pub fn dns_label_problems(name: &str) -> impl Iterator<Item = &'static str> {
    let is_too_long = name.len() > MAX_NAME;
    let too_long = is_too_long.then_some("must have at most 63 characters");
    let other = (!is_dns_label(name)).then_some(
        "must consist of lower-case letters, digits and '-', and begin and end with a letter or a digit",
    );
    too_long.into_iter().chain(other)
}

/// What is wrong with labels that an object is to get.
pub(crate) fn labels(labels: &StringMap, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (key, value) in labels {
        errors.extend(label_key(key).map(|why| FieldError::invalid(path, key.as_str(), why)));
        errors.extend(label_value(value).map(|why| FieldError::invalid(path, value.as_str(), why)));
    }
    errors
}

/// What is wrong with annotations that an object is to get.
pub(crate) fn annotations(annotations: &StringMap, path: &FieldPath) -> FieldErrors {
    // Upper case is taken in the part before the slash, too.
    let keys = annotations.keys().filter_map(|key| {
        let why = label_key(&key.to_lowercase())?;
        Some(FieldError::invalid(path, key.as_str(), why))
    });
    let mut errors: FieldErrors = keys.collect();
    let entries = annotations.iter();
    let size: usize = entries.map(|(key, value)| key.len() + value.len()).sum();
    if size > MAX_ANNOTATIONS {
        errors.push(FieldError {
            kind: FieldErrorKind::TooLong,
            field: path.to_string(),
            value: None,
            detail: format!("may not be more than {MAX_ANNOTATIONS} bytes"),
        });
    }
    errors
}

/// What is wrong with a selector that has to select by something.
pub(crate) fn not_empty_selector(selector: &LabelSelector, path: &FieldPath) -> FieldErrors {
    let mut errors = label_selector(selector, path);
    let is_empty = selector.match_labels.iter().flatten().next().is_none()
        && selector.match_expressions.iter().flatten().next().is_none();
    if is_empty {
        let value = serde_json::to_value(selector).unwrap_or_default();
        errors.push(FieldError::invalid(path, value, EMPTY_SELECTOR));
    }
    errors
}

/// What is wrong with a selector, whatever it selects.
pub fn label_selector(selector: &LabelSelector, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let at = path.child("matchLabels");
    for (key, value) in selector.match_labels.iter().flatten() {
        errors.extend(label_key(key).map(|why| FieldError::invalid(&at, key.as_str(), why)));
        errors.extend(label_value(value).map(|why| FieldError::invalid(&at, value.as_str(), why)));
    }
    let at = path.child("matchExpressions");
    let expressions = selector.match_expressions.iter().flatten();
    for (index, expression) in expressions.enumerate() {
        errors.extend(requirement(expression, &at.index(index)));
    }
    errors
}

fn requirement(expression: &LabelSelectorRequirement, path: &FieldPath) -> FieldErrors {
    let LabelSelectorRequirement {
        key,
        operator,
        values,
    } = expression;
    let values = values.as_deref().unwrap_or_default();
    let at = path.child("values");
    let mut errors = FieldErrors::new();
    match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
            &at,
            "must be given when the operator is In or NotIn",
        )),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            &at,
            "may not be given when the operator is Exists or DoesNotExist",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        unknown => errors.push(FieldError::invalid(
            &path.child("operator"),
            unknown,
            "must be In, NotIn, Exists or DoesNotExist",
        )),
    }
    errors.extend(
        label_key(key).map(|why| FieldError::invalid(&path.child("key"), key.as_str(), why)),
    );
    for (index, value) in values.iter().enumerate() {
        let why = label_value(value);
        errors.extend(why.map(|why| FieldError::invalid(&at.index(index), value.as_str(), why)));
    }
    errors
}

fn is_name(name: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= MAX_NAME
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// Whether a text is a DNS subdomain, as names of most objects are.
#[must_use]
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= MAX_PREFIX && name.split('.').all(is_dns_label)
}

/// Whether a text is made as a DNS label is, of whatever length.
fn is_dns_label(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|byte| is_inner(*byte))
        && bytes.last().is_some_and(|byte| is_inner(*byte))
        && bytes.iter().all(|byte| is_inner(*byte) || *byte == b'-')
}

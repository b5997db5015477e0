//! Labels and selectors as Kubernetes' own validation takes them.

use super::{FieldError, FieldErrors, FieldPath};
use crate::meta::{LabelSelector, LabelSelectorRequirement};

const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;
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

fn is_dns_subdomain(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= MAX_PREFIX
        && name.split('.').all(|part| {
            let bytes = part.as_bytes();
            bytes.first().is_some_and(|byte| is_inner(*byte))
                && bytes.last().is_some_and(|byte| is_inner(*byte))
                && bytes.iter().all(|byte| is_inner(*byte) || *byte == b'-')
        })
}

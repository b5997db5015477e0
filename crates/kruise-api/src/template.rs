//! Pod templates inside of custom resources. They stay raw, so that fields which this crate does not know
//! reach the pods. This is the view for reading.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    meta::{ObjectMeta, null_as_default},
    pod::PodSpec,
    quantity,
    validation::{FieldError, FieldErrorKind, FieldPath},
};

/// What is read of a pod template. Never written back in its place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    /// Metadata that pods get.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What pods are to be.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodSpec,
}

impl PodTemplate {
    /// The view of a raw template.
    ///
    /// # Errors
    ///
    /// When a part that is read has another shape than in a pod template.
    pub fn view(template: &Value) -> Result<Self, serde_json::Error> {
        // A missing template reads as an empty one. What it lacks is for validation to say.
        Option::deserialize(template).map(Option::unwrap_or_default)
    }

    /// The view of the raw template of a workload, which is at `spec.template`.
    ///
    /// # Errors
    ///
    /// As admission tells it, when a part that is read has another shape than in a pod template.
    pub fn checked_view(template: &Value) -> Result<Self, FieldError> {
        Self::view(template).map_err(|error| Self::unreadable(&error))
    }

    /// The view of a raw template, wherever it is.
    ///
    /// # Errors
    ///
    /// As [`checked_view`](Self::checked_view).
    pub fn checked_view_at(template: &Value, path: &FieldPath) -> Result<Self, FieldError> {
        Self::view(template).map_err(|error| Self::unreadable_at(&error, path))
    }

    /// The template of a workload that has another shape than a pod template, as admission tells it.
    #[must_use]
    pub fn unreadable(error: &serde_json::Error) -> FieldError {
        Self::unreadable_at(error, &FieldPath::new("spec.template"))
    }

    fn unreadable_at(error: &serde_json::Error, path: &FieldPath) -> FieldError {
        FieldError {
            kind: FieldErrorKind::TypeInvalid,
            field: path.to_string(),
            // The whole template as value would hide what is wrong.
            value: None,
            detail: error.to_string(),
        }
    }
}

/// Whether two templates, of pods or of volume claims, mean the same. Two things make no difference: empty
/// members, which Go's types write though nothing was said, and the way in which amounts of resources are
/// written. Everything else has to be the same to the letter.
///
/// An object that OpenKruise stored has been through Go's types. The manifest that it was made from has
/// not.
#[must_use]
pub fn means_the_same(a: &Value, b: &Value) -> bool {
    same(a, b, "")
}

fn same(a: &Value, b: &Value, name: &str) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if AMOUNTS.contains(&name) => {
            same_members(a, b, |a, b, _| a == b || same_amount(a, b))
        }
        (Value::Object(a), Value::Object(b)) => same_members(a, b, same),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, ""))
        }
        _ => a == b,
    }
}

fn same_members(
    a: &Map<String, Value>,
    b: &Map<String, Value>,
    same: impl Fn(&Value, &Value, &str) -> bool,
) -> bool {
    let covers = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.iter().all(|(name, value)| match b.get(name) {
            Some(other) => same(value, other, name),
            None => says_nothing(name, value),
        })
    };
    covers(a, b)
        && b.iter()
            .all(|(name, value)| a.contains_key(name) || says_nothing(name, value))
}

/// Maps from resources to amounts.
const AMOUNTS: [&str; 4] = ["limits", "requests", "overhead", "capacity"];

/// Structs that Go writes also when they are empty.
const ALWAYS_WRITTEN: [&str; 3] = ["metadata", "resources", "status"];

fn says_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) if ALWAYS_WRITTEN.contains(&name) => members
            .iter()
            .all(|(name, value)| says_nothing(name, value)),
        _ => false,
    }
}

fn same_amount(a: &Value, b: &Value) -> bool {
    let nanos = |amount: &Value| match amount {
        Value::String(text) => quantity::nanos(text),
        Value::Number(number) => quantity::nanos(&number.to_string()),
        _ => None,
    };
    nanos(a).is_some_and(|amount| nanos(b) == Some(amount))
}

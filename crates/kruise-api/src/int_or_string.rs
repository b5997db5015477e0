//! Numbers that may also be percentages, and the ways OpenKruise reads them (IP-162).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An integer or a text such as `"20%"`, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A plain number.
    Int(i32),
    /// A text, usually a percentage.
    String(String),
}

/// The number 0, as in Go.
impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl From<&IntOrString> for serde_json::Value {
    fn from(value: &IntOrString) -> Self {
        match value {
            IntOrString::Int(number) => (*number).into(),
            IntOrString::String(text) => text.as_str().into(),
        }
    }
}

impl JsonSchema for IntOrString {
    fn schema_name() -> Cow<'static, str> {
        "IntOrString".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "x-kubernetes-int-or-string": true
        })
    }
}

/// Where a fraction goes when a percentage is turned into a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the next larger number.
    Up,
    /// To the next smaller number.
    Down,
}

/// A text that is not the number it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text does not end in `%`.
    #[error("{text:?} is neither a number nor a percentage: it does not end in %")]
    NotAPercentage {
        /// The text found.
        text: String,
    },
    /// What is before the `%` is no number.
    #[error("{text:?} is neither a number nor a percentage")]
    NotANumber {
        /// The text found.
        text: String,
    },
}

/// The number by OpenKruise's own rule. An integer is taken as it is. A text is a percentage of `total`: it
/// must end in `%`, and the number before may be a decimal fraction.
///
/// # Errors
///
/// When the text is no such percentage.
pub fn kruise_percent(
    value: &IntOrString,
    total: i32,
    rounding: Rounding,
) -> Result<i32, NumberError> {
    percent_by(value, total, rounding, |prefix| {
        prefix
            .parse()
            .ok()
            .filter(|percent: &f64| percent.is_finite())
    })
}

/// The number by Kubernetes' rule, which DaemonSets use. An integer is taken as it is. A text is a
/// percentage of `total`: it must end in `%`, and the number before must be an integer.
///
/// # Errors
///
/// When the text is no such percentage.
pub fn strict_percent(
    value: &IntOrString,
    total: i32,
    rounding: Rounding,
) -> Result<i32, NumberError> {
    percent_by(value, total, rounding, |prefix| {
        prefix.parse().ok().map(|percent: i64| percent as f64)
    })
}

/// The number by Kubernetes' older rule. An integer is taken as it is. A text is a percentage of `total`:
/// every `%` in it is dropped, and an integer must remain. So `"5"` means 5 %.
///
/// # Errors
///
/// When something else remains.
pub fn lenient_percent(
    value: &IntOrString,
    total: i32,
    rounding: Rounding,
) -> Result<i32, NumberError> {
    let text = match value {
        IntOrString::Int(number) => return Ok(*number),
        IntOrString::String(text) => text,
    };
    let percent = text
        .replace('%', "")
        .parse::<i64>()
        .map_err(|_| NumberError::NotANumber { text: text.clone() })?;
    Ok(share(percent as f64, total, rounding))
}

/// The number by which CloneSet reads maxUnavailable, maxSurge and the scale cap (CS-43, DV-CS5). A text
/// that ends in `%` is read as by [`kruise_percent`], any other as by [`lenient_percent`]. A text that
/// can't be read counts as 0.
#[must_use]
pub fn resolve_or_zero(value: &IntOrString, total: i32, rounding: Rounding) -> i32 {
    match value {
        IntOrString::String(text) if !text.ends_with('%') => {
            lenient_percent(value, total, rounding)
        }
        _ => kruise_percent(value, total, rounding),
    }
    .unwrap_or(0)
}

/// How many of `replicas` pods a partition keeps at their old revision, from 0 to `replicas`
/// (IP-162). A percentage below 100 % leaves at least one pod to update, if there is more than one.
///
/// # Errors
///
/// When the partition is a text but no percentage.
pub fn partition(value: Option<&IntOrString>, replicas: i32) -> Result<i32, NumberError> {
    let Some(value) = value else { return Ok(0) };
    let mut kept = kruise_percent(value, replicas, Rounding::Up)?;
    let below_all = matches!(value, IntOrString::String(text) if text != "100%");
    if below_all && replicas > 1 && kept == replicas {
        kept = replicas - 1;
    }
    Ok(kept.min(replicas).max(0))
}

/// An integer as it is, or a share of the total. `parse` reads the text before the `%`.
fn percent_by(
    value: &IntOrString,
    total: i32,
    rounding: Rounding,
    parse: impl FnOnce(&str) -> Option<f64>,
) -> Result<i32, NumberError> {
    let text = match value {
        IntOrString::Int(number) => return Ok(*number),
        IntOrString::String(text) => text,
    };
    let prefix = text
        .strip_suffix('%')
        .ok_or_else(|| NumberError::NotAPercentage { text: text.clone() })?;
    parse(prefix)
        .map(|percent| share(percent, total, rounding))
        .ok_or_else(|| NumberError::NotANumber { text: text.clone() })
}

fn share(percent: f64, total: i32, rounding: Rounding) -> i32 {
    let exact = percent * f64::from(total) / 100.0;
    let rounded = match rounding {
        Rounding::Up => exact.ceil(),
        Rounding::Down => exact.floor(),
    };
    // The cast saturates, which is the nearest sensible answer.
    rounded as i32
}

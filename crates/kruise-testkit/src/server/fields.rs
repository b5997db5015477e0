//! What is wrong with a field, in a real server's words.

use std::fmt;

use serde_json::{Value, json};

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    reason: &'static str,
    field: String,
    body: String,
}

impl FieldError {
    fn new(reason: &'static str, field: &str, body: String) -> Self {
        Self {
            reason,
            field: field.to_owned(),
            body,
        }
    }

    pub(crate) fn required(field: &str, detail: &str) -> Self {
        Self::new("FieldValueRequired", field, with("Required value", detail))
    }

    pub(crate) fn invalid(field: &str, value: &Value, detail: &str) -> Self {
        let body = with(&format!("Invalid value: {}", shown(value)), detail);
        Self::new("FieldValueInvalid", field, body)
    }

    /// The same with a value that is written in another form than JSON's.
    pub(crate) fn invalid_as(field: &str, shown: &str, detail: &str) -> Self {
        let body = with(&format!("Invalid value: {shown}"), detail);
        Self::new("FieldValueInvalid", field, body)
    }

    pub(crate) fn wrong_type(field: &str, value: &Value, detail: &str) -> Self {
        let body = with(&format!("Invalid value: {}", shown(value)), detail);
        Self::new("FieldValueTypeInvalid", field, body)
    }

    pub(crate) fn forbidden(field: &str, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, with("Forbidden", detail))
    }

    pub(crate) fn duplicate(field: &str, value: &Value) -> Self {
        let body = format!("Duplicate value: {}", shown(value));
        Self::new("FieldValueDuplicate", field, body)
    }

    pub(crate) fn not_supported(field: &str, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|text| format!("{text:?}")).collect();
        let list = supported.join(", ");
        let body = format!(
            "Unsupported value: {}: supported values: {list}",
            shown(value)
        );
        Self::new("FieldValueNotSupported", field, body)
    }

    pub(crate) fn too_long(field: &str, most: usize) -> Self {
        let body = format!("Too long: may not be more than {most} bytes");
        Self::new("FieldValueTooLong", field, body)
    }

    /// As a `Status` has it among its details.
    pub(crate) fn cause(&self) -> Value {
        json!({ "reason": self.reason, "message": self.body, "field": self.field })
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.body)
    }
}

fn with(body: &str, detail: &str) -> String {
    if detail.is_empty() {
        body.to_owned()
    } else {
        format!("{body}: {detail}")
    }
}

/// A value as Go prints it in such errors.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Null => "null".to_owned(),
        other => other.to_string(),
    }
}

//! Errors about fields, in Kubernetes' words: `spec.replicas: Invalid value: -1: must not be negative`.

use std::fmt;

use serde_json::Value;

/// Where a field is: `spec.template.metadata.labels`, `spec.scaleStrategy.podsToDelete[1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath(String);

impl FieldPath {
    /// A field of the object itself, or of one of its parts by a dotted path.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// A member.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    /// An element of a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Defines the kinds with their reason and their words.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $reason:literal, $words:literal;)*) => {
        /// What is wrong with a field, as Kubernetes tells errors apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FieldErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl FieldErrorKind {
            const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The reason of a cause in a `Status`, such as `FieldValueInvalid`.
            #[must_use]
            pub fn reason(self) -> &'static str {
                match self { $(Self::$kind => $reason,)* }
            }

            fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }
        }
    };
}

kinds! {
    /// What the field names isn't there.
    NotFound = "FieldValueNotFound", "Not found";
    /// The field has to be there.
    Required = "FieldValueRequired", "Required value";
    /// The value is there already.
    Duplicate = "FieldValueDuplicate", "Duplicate value";
    /// The value is wrong.
    Invalid = "FieldValueInvalid", "Invalid value";
    /// The value is none of those that there are.
    NotSupported = "FieldValueNotSupported", "Unsupported value";
    /// The field, or a change of it, isn't allowed.
    Forbidden = "FieldValueForbidden", "Forbidden";
    /// The value is too long.
    TooLong = "FieldValueTooLong", "Too long";
    /// The field has too many elements.
    TooMany = "FieldValueTooMany", "Too many";
    /// The value is of another type.
    TypeInvalid = "FieldValueTypeInvalid", "Invalid value";
    /// The field could not be judged.
    Internal = "InternalError", "Internal error";
}

impl FieldErrorKind {
    /// The kind with this reason; unknown ones are [`Self::Invalid`].
    #[must_use]
    pub fn of_reason(reason: &str) -> Self {
        let mut all = Self::ALL.iter();
        all.find(|kind| kind.reason() == reason)
            .copied()
            .unwrap_or(Self::Invalid)
    }
}

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// Path of the field.
    pub field: String,
    /// The value found, for kinds that show it.
    pub value: Option<Box<Value>>,
    /// What would be right. It may be empty.
    pub detail: String,
}

impl FieldError {
    /// The value is wrong.
    pub fn invalid(field: &FieldPath, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::with_value(FieldErrorKind::Invalid, field, value.into(), detail.into())
    }

    /// The value is wrong, and is not shown: it may be secret, or too large to be read.
    pub fn invalid_unshown(field: &FieldPath, detail: impl Into<String>) -> Self {
        Self::without_value(FieldErrorKind::Invalid, field, detail.into())
    }

    /// There is nothing that the value names.
    pub fn not_found(field: &FieldPath, value: impl Into<Value>) -> Self {
        let kind = FieldErrorKind::NotFound;
        Self::with_value(kind, field, value.into(), String::new())
    }

    /// The value is none of `supported`.
    pub fn not_supported(field: &FieldPath, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<_> = supported.iter().map(|word| format!("{word:?}")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::with_value(FieldErrorKind::NotSupported, field, value.into(), detail)
    }

    /// The value is there twice.
    pub fn duplicate(field: &FieldPath, value: impl Into<Value>) -> Self {
        Self::with_value(
            FieldErrorKind::Duplicate,
            field,
            value.into(),
            String::new(),
        )
    }

    /// The field has to be there, as the detail says.
    pub fn required(field: &FieldPath, detail: impl Into<String>) -> Self {
        Self::without_value(FieldErrorKind::Required, field, detail.into())
    }

    /// The field could not be judged, as the detail says.
    pub fn internal(field: &FieldPath, detail: impl Into<String>) -> Self {
        Self::without_value(FieldErrorKind::Internal, field, detail.into())
    }

    /// The field has `n_found` elements, more than `max`.
    pub fn too_many(field: &FieldPath, n_found: usize, max: usize) -> Self {
        let detail = format!("must have at most {max} items");
        Self::with_value(FieldErrorKind::TooMany, field, n_found.into(), detail)
    }

    /// The field, or the change of it, isn't allowed.
    pub fn forbidden(field: &FieldPath, detail: impl Into<String>) -> Self {
        Self::without_value(FieldErrorKind::Forbidden, field, detail.into())
    }

    /// What an API server says in a cause of a `Status`. `field` is the path that the field has in the
    /// object that is judged.
    #[must_use]
    pub fn of_cause(reason: &str, field: String, message: &str) -> Self {
        let kind = FieldErrorKind::of_reason(reason);
        let detail = match message.strip_prefix(kind.words()) {
            Some(detail) => detail.strip_prefix(": ").unwrap_or(detail),
            None => message,
        };
        Self {
            kind,
            field,
            value: None,
            detail: detail.to_owned(),
        }
    }

    /// The error without its field, as a cause of a `Status` has it.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = self.kind.words().to_owned();
        let value = self.value.as_ref().map(|value| value.to_string());
        for part in value.iter().chain(Some(&self.detail)) {
            if !part.is_empty() {
                message.push_str(": ");
                message.push_str(part);
            }
        }
        message
    }

    fn with_value(kind: FieldErrorKind, field: &FieldPath, value: Value, detail: String) -> Self {
        Self {
            kind,
            field: field.to_string(),
            value: Some(Box::new(value)),
            detail,
        }
    }

    fn without_value(kind: FieldErrorKind, field: &FieldPath, detail: String) -> Self {
        Self {
            kind,
            field: field.to_string(),
            value: None,
            detail,
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}

impl std::error::Error for FieldError {}

/// How many errors of one object are told at most. Nobody reads more, and an object of a megabyte can have
/// as many errors as it has list elements.
pub const MAX_TOLD: usize = 100;

/// What is wrong with an object, up to [`MAX_TOLD`] errors. Without any, the object is right.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error, unless there are [`MAX_TOLD`] already.
    pub fn push(&mut self, error: FieldError) {
        if self.0.len() < MAX_TOLD {
            self.0.push(error);
        }
    }

    /// Adds the error of a result, or returns its value.
    pub fn take<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(error);
                None
            }
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors, in the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }
}

impl Extend<FieldError> for FieldErrors {
    fn extend<I: IntoIterator<Item = FieldError>>(&mut self, errors: I) {
        let room = MAX_TOLD.saturating_sub(self.0.len());
        self.0.extend(errors.into_iter().take(room));
    }
}

impl FromIterator<FieldError> for FieldErrors {
    fn from_iter<I: IntoIterator<Item = FieldError>>(errors: I) -> Self {
        Self(errors.into_iter().take(MAX_TOLD).collect())
    }
}

impl IntoIterator for FieldErrors {
    type Item = FieldError;
    type IntoIter = std::vec::IntoIter<FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a FieldErrors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// As Kubernetes lists errors: one as it is, several in brackets, none twice.
// There are at most `MAX_TOLD` errors, so a search in the list is cheap.
impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut messages: Vec<String> = Vec::new();
        for error in self {
            let message = error.to_string();
            if !messages.contains(&message) {
                messages.push(message);
            }
        }
        match messages.as_slice() {
            [one] => f.write_str(one),
            several => write!(f, "[{}]", several.join(", ")),
        }
    }
}

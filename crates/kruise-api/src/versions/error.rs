//! Why a conversion fails.

/// Why an object has no form in another version.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// The object does not say what it is.
    #[error("the object has no apiVersion and kind")]
    Untyped,
    /// The object has the version that was asked for already.
    #[error("{kind} {object} is {api_version} already")]
    SameVersion {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// The object's version, and the version asked for.
        api_version: String,
    },
    /// There is no such conversion.
    #[error("{kind} {object}: no conversion from {from} to {to}")]
    Unknown {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// The object's version.
        from: String,
        /// The version asked for.
        to: String,
    },
    /// The object has something that the other version can't say.
    #[error("{kind} {object}: {field} has no form in the version that was asked for")]
    NoForm {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Path of what can't be said.
        field: &'static str,
    },
    /// A part of the object is not as its version has it.
    #[error("{kind} {object}: {field} can't be read")]
    Field {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Path of the part.
        field: &'static str,
        /// What is wrong with the part.
        source: serde_json::Error,
    },
}

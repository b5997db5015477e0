//! Why a conversion fails.

/// Why an object has no form in another version.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// It does not say what it is.
    #[error("the object has no apiVersion and kind")]
    Untyped,
    /// It is what was asked for already.
    #[error("{kind} {object} is {api_version} already")]
    SameVersion {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Its version, and the one asked for.
        api_version: String,
    },
    /// There is no such conversion.
    #[error("{kind} {object}: no conversion from {from} to {to}")]
    Unknown {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Its version.
        from: String,
        /// The version asked for.
        to: String,
    },
    /// A part of it is not what its version says.
    #[error("{kind} {object}: {field} can't be read")]
    Field {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// The part.
        field: &'static str,
        /// What is wrong there.
        source: serde_json::Error,
    },
}

//! What others do for the server: admission and conversion.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::call::Call;

/// Turns an object into another version of its kind.
pub(crate) type Converter = Arc<dyn Fn(Value, &str) -> Result<Value, String> + Send + Sync>;

/// Answers reviews.
pub(crate) type Handler =
    Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// Which requests a webhook is asked about, and what follows when it doesn't answer.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its name, as messages have it.
    pub name: String,
    /// Group of the kind.
    pub group: String,
    /// Versions that it reads. Of another one, objects are brought into the first of these.
    pub versions: Vec<String>,
    /// Plural of the kind.
    pub plural: String,
    /// Subresource, or nothing.
    pub subresource: String,
    /// `CREATE`, `UPDATE`, `DELETE`.
    pub operations: Vec<String>,
    /// Whether requests fail when it doesn't answer.
    pub fails: bool,
}

/// A webhook, and who answers for it.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) webhook: Webhook,
    pub(crate) mutates: bool,
    pub(crate) handler: Handler,
    pub(crate) is_down: bool,
}

/// What others do for the server.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) hooks: Vec<Hook>,
    /// By name of the definition.
    pub(crate) converters: Vec<(String, Converter)>,
    pub(crate) converters_are_down: bool,
}

/// What is done to an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl Hook {
    pub(crate) fn is_asked(&self, call: &Call, operation: Operation) -> bool {
        let Webhook {
            group,
            plural,
            subresource,
            operations,
            ..
        } = &self.webhook;
        call.kind.names() == (group, plural)
            && call.subresource == *subresource
            && operations.iter().any(|own| own == operation.word())
    }

    /// The version in which this webhook sees the object.
    pub(crate) fn version<'a>(&'a self, call: &'a Call) -> &'a str {
        let versions = &self.webhook.versions;
        match versions.first() {
            Some(first) if !versions.iter().any(|own| own == call.version) => first,
            _ => call.version,
        }
    }
}

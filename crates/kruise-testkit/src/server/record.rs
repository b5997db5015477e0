//! What is written down of a server's life, for those who judge.

use std::sync::Arc;

use jiff::Timestamp;
use kruise_api::resource::{ObjectKey, Resource};
use serde_json::Value;

/// A change of an object, in the order of the versions.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that the change made.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub resource: Resource,
    /// Whose request it was: the name given to `client_of`, or the name of a part of the test kit.
    pub by: &'static str,
    /// The object before, unless it was created.
    pub before: Option<Arc<Value>>,
    /// The object after, unless it went.
    pub after: Option<Arc<Value>>,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it came.
    pub at: Timestamp,
    /// Whose it was.
    pub by: &'static str,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// Plural of the kind.
    pub plural: String,
    /// The object; a name is missing in lists.
    pub key: ObjectKey,
    /// Subresource, or nothing.
    pub subresource: String,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// What was sent.
    pub body: Value,
    /// Whether it was carried out, whatever the client heard of that.
    pub done: bool,
    /// The code that the client got; none if the answer was lost.
    pub code: Option<u16>,
    /// The fault that met it, in a word.
    pub fault: Option<&'static str>,
}

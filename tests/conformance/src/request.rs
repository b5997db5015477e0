//! A request as it is generated: the same for both servers, whatever they answered before.
//!
//! What follows from an earlier answer, a version say, is written as a reference, `<version pods/a 1>`, which each
//! server's side replaces by what its own server answered. One that refers to nothing becomes a constant, so that a
//! sequence stays a sequence when requests are dropped from it.

use std::fmt;

use serde_json::Value;

use crate::additions;
use crate::kinds::Kind;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Merge,
    Strategic,
    JsonPatch,
    Delete,
    DeleteCollection,
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Merge => "patch (merge)",
            Self::Strategic => "patch (strategic)",
            Self::JsonPatch => "patch (JSON)",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    pub(crate) fn method(self) -> http::Method {
        match self {
            Self::Get | Self::List | Self::Watch => http::Method::GET,
            Self::Create => http::Method::POST,
            Self::Update => http::Method::PUT,
            Self::Merge | Self::Strategic | Self::JsonPatch => http::Method::PATCH,
            Self::Delete | Self::DeleteCollection => http::Method::DELETE,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::JsonPatch => "application/json-patch+json",
            _ => "application/json",
        }
    }
}

/// A change of one place in an object: the value there, or that there is none.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) pointer: &'static str,
    pub(crate) value: Option<Value>,
}

impl Edit {
    pub(crate) fn set(pointer: &'static str, value: Value) -> Self {
        Self {
            pointer,
            value: Some(value),
        }
    }

    pub(crate) fn unset(pointer: &'static str) -> Self {
        Self {
            pointer,
            value: None,
        }
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Nothing,
    /// This text, whether it is JSON or not.
    Text(&'static str),
    Json(Value),
    /// The object as the server answered it so many versions ago, with changes.
    Read {
        back: usize,
        edits: Vec<Edit>,
        /// Sent when no version is known.
        otherwise: Value,
    },
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its place in the sequence as it was generated.
    pub(crate) id: usize,
    pub(crate) kind: &'static Kind,
    pub(crate) verb: Verb,
    /// Another namespace than the sequence's.
    pub(crate) namespace: Option<&'static str>,
    /// The object; empty for the collection. `~3` is what request 3 had a name generated for.
    pub(crate) name: String,
    pub(crate) subresource: &'static str,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    /// Whether metadata is asked for alone.
    pub(crate) brief: bool,
    /// Whether controllers of the cluster may change something after it.
    pub(crate) settles: bool,
    /// Whether a server may answer what was a moment ago: it is asked until it answers what is now.
    pub(crate) stale: bool,
}

impl Request {
    /// Whether it is a dry run.
    pub(crate) fn is_dry(&self) -> bool {
        let in_query = self.query.iter().any(|(name, _)| *name == "dryRun");
        match (&self.body, self.verb) {
            // A server that is sent options doesn't look for others.
            (Body::Json(options), Verb::Delete | Verb::DeleteCollection) => {
                options.get("dryRun").is_some()
            }
            (Body::Json(eviction), _) if self.subresource == "eviction" => {
                in_query || eviction["deleteOptions"].get("dryRun").is_some()
            }
            _ => in_query,
        }
    }

    /// Whether a real server may give the object a new version although nothing of it changes, because another client
    /// owns a field from now on: see the table in `additions`.
    pub(crate) fn may_move_versions_alone(&self) -> bool {
        let changes = matches!(
            self.verb,
            Verb::Update | Verb::Merge | Verb::Strategic | Verb::JsonPatch
        );
        let apart = matches!(self.subresource, "status" | "scale" | "resize");
        changes
            && !self.is_dry()
            && (apart || self.kind.is_custom() || self.sends(additions::OWNED_AND_KEPT))
    }

    /// Whether a member of this name is sent.
    fn sends(&self, member: &str) -> bool {
        match &self.body {
            Body::Nothing => false,
            Body::Text(text) => text.contains(member),
            Body::Json(value) => value.to_string().contains(member),
            Body::Read { edits, .. } => edits.iter().any(|edit| edit.pointer.contains(member)),
        }
    }

    /// The object's key in what a side remembers.
    pub(crate) fn key(&self) -> String {
        key(self.kind, &self.name)
    }
}

/// A key of an object in what a side remembers.
pub(crate) fn key(kind: &Kind, name: &str) -> String {
    format!("{}/{name}", kind.plural)
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:>2}. {} {}/{}",
            self.id,
            self.verb.name(),
            self.kind.version,
            self.kind.plural
        )?;
        if let Some(namespace) = self.namespace {
            write!(formatter, " of namespace {namespace}")?;
        }
        for part in [self.name.as_str(), self.subresource] {
            if !part.is_empty() {
                write!(formatter, "/{part}")?;
            }
        }
        let mut mark = '?';
        for (name, value) in &self.query {
            write!(formatter, "{mark}{name}={value}")?;
            mark = '&';
        }
        if self.brief {
            write!(formatter, " (metadata alone)")?;
        }
        match &self.body {
            Body::Nothing => Ok(()),
            Body::Text(text) => write!(formatter, " {text}"),
            Body::Json(value) => write!(formatter, " {value}"),
            Body::Read { back, edits, .. } => {
                write!(formatter, " as read {back} versions ago, with")?;
                for edit in edits {
                    match &edit.value {
                        Some(value) => write!(formatter, " {}={value}", edit.pointer)?,
                        None => write!(formatter, " no {}", edit.pointer)?,
                    }
                }
                Ok(())
            }
        }
    }
}

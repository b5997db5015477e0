//! What the server says when it refuses, in a real one's words.

use serde_json::{Map, Value, json};

use super::{
    fields::FieldError,
    kinds::{Kind, qualified},
};

/// An answer that is no object: a `Status`, or plain text where the real server knows no better.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

/// Why a write that names a version or a UID can't be done.
pub(crate) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl Status {
    pub(crate) fn new(code: u16, reason: &str, message: &str, details: Map<String, Value>) -> Self {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
        });
        if !reason.is_empty() {
            body["reason"] = reason.into();
        }
        if !details.is_empty() {
            body["details"] = details.into();
        }
        body["code"] = code.into();
        Self { code, body }
    }

    fn plain(code: u16, reason: &str, message: &str) -> Self {
        Self::new(code, reason, message, Map::new())
    }

    fn about(
        code: u16,
        reason: &str,
        (group, kind): (&str, &str),
        name: &str,
        message: &str,
    ) -> Self {
        Self::new(code, reason, message, details(group, kind, name))
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{kind} {name:?} not found");
        Self::about(404, "NotFound", kind.names(), name, &message)
    }

    /// A path that leads nowhere: an unknown kind, say.
    pub(crate) fn no_such_path() -> Self {
        Self {
            code: 404,
            body: Value::from("404 page not found\n"),
        }
    }

    /// A subresource that a known kind doesn't have.
    pub(crate) fn no_such_subresource() -> Self {
        let message = "the server could not find the requested resource";
        let mut status = Self::plain(404, "NotFound", message);
        status.body["details"] = json!({});
        status
    }

    /// What is wrong with a JSON patch isn't told.
    pub(crate) fn patch_fails() -> Self {
        let message = "the server rejected our request due to an error in our request";
        let mut status = Self::plain(422, "Invalid", message);
        status.body["details"] = json!({});
        status
    }

    /// A path that exists, asked for something that can't be done there.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut status = Self::plain(405, "MethodNotAllowed", message);
        status.body["details"] = json!({});
        status
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{kind} {name:?} already exists");
        Self::about(409, "AlreadyExists", kind.names(), name, &message)
    }

    /// The server chose a name that was taken.
    pub(crate) fn generated_name_taken(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "{kind} {name:?} already exists, the server was not able to generate a unique name for the object"
        );
        let mut status = Self::about(409, "AlreadyExists", kind.names(), name, &message);
        status.body["details"]["retryAfterSeconds"] = 1.into();
        status
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        Self::about(409, "Conflict", kind.names(), name, &message)
    }

    /// A conflict that the subresource is named for.
    pub(crate) fn conflict_on_subresource(
        kind: &Kind,
        subresource: &str,
        name: &str,
        why: &str,
    ) -> Self {
        let (group, plural) = kind.names();
        let named = format!("{plural}/{subresource}");
        let qualified = qualified(&named, group);
        let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {why}");
        Self::about(409, "Conflict", (group, &named), name, &message)
    }

    /// A precondition of a deletion that doesn't hold. The real server puts the kind where it puts the plural otherwise.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let (group, named) = (kind.resource.group, kind.resource.kind);
        let qualified = qualified(named, group);
        let message = format!("Operation cannot be fulfilled on {qualified} {name:?}: {why}");
        Self::about(409, "Conflict", (group, named), name, &message)
    }

    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{kind} is forbidden: {why}")
        } else {
            format!("{kind} {name:?} is forbidden: {why}")
        };
        Self::about(403, "Forbidden", kind.names(), name, &message)
    }

    pub(crate) fn invalid(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = vec![];
        for text in errors.iter().map(ToString::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = match texts.as_slice() {
            [] => String::new(),
            [one] => format!(": {one}"),
            several => format!(": [{}]", several.join(", ")),
        };
        let qualified = qualified(kind, group);
        let message = format!("{qualified} {name:?} is invalid{list}");
        let mut details = details(group, kind, name);
        if !errors.is_empty() {
            let causes = errors.iter().map(FieldError::cause).collect();
            details.insert("causes".to_owned(), Value::Array(causes));
        }
        Self::new(422, "Invalid", &message, details)
    }

    pub(crate) fn bad_request(message: &str) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// The real server says after it of which Go type the object is.
    pub(crate) fn not_acceptable(message: &str) -> Self {
        Self::plain(406, "NotAcceptable", message)
    }

    pub(crate) fn expired(message: &str) -> Self {
        Self::plain(410, "Expired", message)
    }

    pub(crate) fn too_many_requests(message: &str, retry_after: u64) -> Self {
        let details = Map::from_iter([("retryAfterSeconds".to_owned(), retry_after.into())]);
        Self::new(429, "TooManyRequests", message, details)
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::plain(415, "UnsupportedMediaType", &message)
    }

    pub(crate) fn internal(why: &str) -> Self {
        let details = Map::from_iter([("causes".to_owned(), json!([{ "message": why }]))]);
        let message = format!("Internal error occurred: {why}");
        Self::new(500, "InternalError", &message, details)
    }

    /// An error that the real server hands on as it is.
    pub(crate) fn unknown(message: &str) -> Self {
        Self::plain(500, "", message)
    }

    pub(crate) fn unavailable(message: &str) -> Self {
        Self::plain(503, "ServiceUnavailable", message)
    }

    pub(crate) fn timeout(message: &str, retry_after: u64) -> Self {
        let details = Map::from_iter([("retryAfterSeconds".to_owned(), retry_after.into())]);
        Self::new(504, "Timeout", &format!("Timeout: {message}"), details)
    }

    /// A version that the server hasn't reached.
    pub(crate) fn version_too_large(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut status = Self::timeout(&message, 1);
        status.body["details"]["causes"] = json!([
            { "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }
        ]);
        status
    }
}

fn details(group: &str, kind: &str, name: &str) -> Map<String, Value> {
    let parts = [("name", name), ("group", group), ("kind", kind)];
    let said = parts.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(key, text)| (key.to_owned(), text.into()))
        .collect()
}

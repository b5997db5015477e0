//! What goes back to the client, and how it is written.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::status::Status;

/// The body of an answer. It breaks off with an error where a connection would.
pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// In what form objects go back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `PartialObjectMetadataList`.
    MetadataOfList,
}

impl Form {
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        let asks = |kind: &str| {
            let accepts = headers.get_all(header::ACCEPT).iter();
            let mut accepts = accepts.filter_map(|value| value.to_str().ok());
            accepts.any(|value| value.contains(&format!("as={kind};")))
        };
        if asks("PartialObjectMetadata") {
            Self::Metadata
        } else if asks("PartialObjectMetadataList") {
            Self::MetadataOfList
        } else {
            Self::Whole
        }
    }

    /// A list can't go back in the form of an object, nor an object in that of a list.
    pub(crate) fn check(self, of_list: bool) -> Result<(), Status> {
        let (asked, is) = match self {
            Self::Metadata if of_list => ("PartialObjectMetadata", "a list"),
            Self::MetadataOfList if !of_list => ("PartialObjectMetadataList", "not a list"),
            _ => return Ok(()),
        };
        Err(Status::not_acceptable(&format!(
            "you requested {asked}, but the requested object is {is}"
        )))
    }

    /// The object in this form. A `Status` has but one.
    pub(crate) fn of(self, object: &Arc<Value>) -> Arc<Value> {
        if self == Self::Whole || object["kind"] == "Status" {
            return Arc::clone(object);
        }
        Arc::new(json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        }))
    }
}

/// An answer, before it is written.
pub(crate) enum Answer {
    Object(u16, Arc<Value>),
    Text(String),
    Stream(Body),
}

impl Answer {
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Object(code, _) => *code,
            Self::Text(_) | Self::Stream(_) => 200,
        }
    }

    pub(crate) fn into_response(self, texts: impl FnOnce(&Arc<Value>) -> Bytes) -> Response<Body> {
        let code = self.code();
        let body = match self {
            Self::Object(_, object) => whole(texts(&object)),
            Self::Text(text) => whole(text.into()),
            Self::Stream(body) => body,
        };
        respond(code, "application/json", body)
    }
}

impl Status {
    pub(crate) fn into_response(self) -> Response<Body> {
        match &self.body {
            Value::String(text) => respond(
                self.code,
                "text/plain; charset=utf-8",
                whole(text.clone().into()),
            ),
            status => {
                let mut response = respond(
                    self.code,
                    "application/json",
                    whole(status.to_string().into()),
                );
                if let Some(seconds) = status["details"]["retryAfterSeconds"].as_u64() {
                    response
                        .headers_mut()
                        .insert(header::RETRY_AFTER, seconds.into());
                }
                response
            }
        }
    }
}

fn respond(code: u16, kind: &'static str, body: Body) -> Response<Body> {
    Response::builder()
        .status(code)
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .expect("a known code")
}

fn whole(text: Bytes) -> Body {
    Full::new(text)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A list as the server writes it. Nothing of the objects is copied but their text.
pub(crate) struct List {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) metadata: Value,
    /// Kubernetes' own objects don't say again of what kind they are.
    pub(crate) untyped: bool,
}

impl List {
    /// The list of these objects.
    pub(crate) fn text(&self, items: &[Bytes]) -> String {
        let (kind, version) = (
            Value::from(self.kind.as_str()),
            Value::from(self.api_version.as_str()),
        );
        let head = format!(
            "{{\"kind\":{kind},\"apiVersion\":{version},\"metadata\":{}",
            self.metadata
        );
        let size = items.iter().map(|item| item.len() + 1).sum::<usize>();
        let mut text = String::with_capacity(head.len() + size + 16);
        text.push_str(&head);
        text.push_str(",\"items\":[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let item = str::from_utf8(item).expect("text");
            text.push_str(&if self.untyped {
                untyped(item)
            } else {
                Cow::Borrowed(item)
            });
        }
        text.push_str("]}");
        text
    }
}

/// An object's text without its kind.
fn untyped(text: &str) -> Cow<'_, str> {
    // Stored objects begin so.
    let rest = text
        .strip_prefix("{\"apiVersion\":\"")
        .and_then(|rest| rest.split_once("\",\"kind\":\""));
    if let Some((_, rest)) = rest
        && let Some((_, rest)) = rest.split_once("\",")
    {
        return format!("{{{rest}").into();
    }
    let mut object: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(members) = object.as_object_mut() {
        members.shift_remove("kind");
        members.shift_remove("apiVersion");
    }
    object.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_once_of_what_kind_its_objects_are() {
        let list = List {
            kind: "PodList".to_owned(),
            api_version: "v1".to_owned(),
            metadata: json!({ "resourceVersion": "7" }),
            untyped: true,
        };
        let items = [
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" } }),
            json!({ "metadata": { "name": "b" }, "kind": "Pod", "apiVersion": "v1" }),
        ];
        let texts = items.map(|item| item.to_string().into());
        let list: Value = serde_json::from_str(&list.text(&texts)).unwrap();
        let items = json!([{ "metadata": { "name": "a" } }, { "metadata": { "name": "b" } }]);
        let metadata = json!({ "resourceVersion": "7" });
        assert_eq!(
            list,
            json!({ "kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items })
        );
    }
}

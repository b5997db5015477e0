//! What goes back to the client, and how it is written.

use std::sync::Arc;

use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
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
}

impl Form {
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        let accepts = headers.get_all(header::ACCEPT).iter();
        let mut accepts = accepts.filter_map(|value| value.to_str().ok());
        if accepts.any(|value| value.contains("as=PartialObjectMetadata;")) {
            Self::Metadata
        } else {
            Self::Whole
        }
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

    pub(crate) fn into_response(self, form: Form) -> Response<Body> {
        let code = self.code();
        let (kind, body) = match self {
            Self::Object(_, object) => ("application/json", whole(form.of(&object).to_string())),
            Self::Text(text) => ("application/json", whole(text)),
            Self::Stream(body) => ("application/json", body),
        };
        respond(code, kind, body)
    }
}

impl Status {
    pub(crate) fn into_response(self) -> Response<Body> {
        match &self.body {
            Value::String(text) => {
                respond(self.code, "text/plain; charset=utf-8", whole(text.clone()))
            }
            status => {
                let mut response =
                    respond(self.code, "application/json", whole(status.to_string()));
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

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A list as the server writes it. Nothing of the objects is copied.
pub(crate) struct List<'a> {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    pub(crate) metadata: Value,
    pub(crate) items: &'a [Arc<Value>],
    /// Kubernetes' own objects don't say again of what kind they are.
    pub(crate) untyped: bool,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("apiVersion", &self.api_version)?;
        map.serialize_entry("metadata", &self.metadata)?;
        let items: Vec<_> = self
            .items
            .iter()
            .map(|object| Item(object, self.untyped))
            .collect();
        map.serialize_entry("items", &items)?;
        map.end()
    }
}

struct Item<'a>(&'a Value, bool);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(object, untyped) = self;
        match object.as_object() {
            Some(members) if *untyped => {
                let members = members.iter();
                serializer.collect_map(
                    members.filter(|(name, _)| *name != "kind" && *name != "apiVersion"),
                )
            }
            _ => object.serialize(serializer),
        }
    }
}

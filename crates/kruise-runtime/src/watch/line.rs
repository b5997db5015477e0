//! One line of a watch. Objects are decoded one by one from raw JSON, so an object that can't be decoded costs nobody
//! but itself.

use kruise_api::{meta::StringMap, object::Object, resource::ObjectKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::error::Status;

/// Marks the bookmark after the last object of a streaming list (the API server writes it).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

pub(crate) enum Event<K> {
    /// Added or modified: the two differ only in what the server thinks we knew.
    Object(Decoded<K>),
    Deleted(Decoded<K>),
    Bookmark {
        version: String,
        ends_list: bool,
    },
    Error {
        code: u16,
        status: Status,
    },
    Unknown(String),
}

pub(crate) enum Decoded<K> {
    Object(K),
    Undecodable(Peek, serde_json::Error),
}

/// What can be read of an object that can't be decoded.
pub(crate) struct Peek {
    pub(crate) key: ObjectKey,
    pub(crate) uid: String,
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OnlyMeta {
    metadata: Meta,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Meta {
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
    annotations: Option<StringMap>,
}

pub(crate) fn parse<K: Object>(line: &[u8]) -> Result<Event<K>, serde_json::Error> {
    let Line { kind, object } = serde_json::from_slice(line)?;
    Ok(match kind.as_str() {
        "ADDED" | "MODIFIED" => Event::Object(decode(object)),
        "DELETED" => Event::Deleted(decode(object)),
        "BOOKMARK" => {
            let OnlyMeta { metadata } = serde_json::from_str(object.get())?;
            let annotations = metadata.annotations.unwrap_or_default();
            let ends_list = annotations
                .get(INITIAL_EVENTS_END)
                .is_some_and(|value| value == "true");
            Event::Bookmark {
                version: metadata.resource_version,
                ends_list,
            }
        }
        "ERROR" => {
            let status: Status = serde_json::from_str(object.get())?;
            Event::Error {
                code: status.code,
                status,
            }
        }
        _ => Event::Unknown(kind),
    })
}

/// The version of an object, whatever kind it is of; empty when it can't be read.
pub(crate) fn version_of(object: &RawValue) -> String {
    let meta = serde_json::from_str::<OnlyMeta>(object.get());
    meta.unwrap_or_default().metadata.resource_version
}

pub(crate) fn decode<K: Object>(object: &RawValue) -> Decoded<K> {
    match serde_json::from_str(object.get()) {
        Ok(object) => Decoded::Object(object),
        Err(error) => {
            let meta = serde_json::from_str::<OnlyMeta>(object.get())
                .unwrap_or_default()
                .metadata;
            let peek = Peek {
                key: ObjectKey::new(meta.namespace, meta.name),
                uid: meta.uid,
                version: meta.resource_version,
            };
            Decoded::Undecodable(peek, error)
        }
    }
}

//! What to list and to watch, and how a path says so.

use std::{pin::Pin, time::Duration};

use futures::AsyncBufRead;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One page of a list.
#[derive(Debug)]
pub struct ListPage {
    /// Version of the whole list.
    pub resource_version: String,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
    /// The objects, undecoded.
    pub items: Vec<Box<RawValue>>,
}

/// What to list.
#[derive(Clone, Copy, Default, Debug)]
pub struct ListQuery<'a> {
    /// Namespace; empty for all.
    pub namespace: &'a str,
    /// Label selector, if any.
    pub label_selector: Option<&'a str>,
    /// Field selector, if any.
    pub field_selector: Option<&'a str>,
    /// Greatest number of objects.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<&'a str>,
}

/// What to watch.
#[derive(Clone, Copy, Default, Debug)]
pub struct WatchQuery<'a> {
    /// Namespace; empty for all.
    pub namespace: &'a str,
    /// Label selector, if any.
    pub label_selector: Option<&'a str>,
    /// Field selector, if any.
    pub field_selector: Option<&'a str>,
    /// Version to go on from; `None` asks for all objects first (a streaming list).
    pub from: Option<&'a str>,
    /// When the server shall end the watch.
    pub timeout: Duration,
}

/// Lines of a watch.
pub(crate) type Lines = Pin<Box<dyn AsyncBufRead + Send>>;

#[derive(Deserialize)]
pub(crate) struct RawList {
    pub(crate) metadata: ListMeta,
    pub(crate) items: Option<Vec<Box<RawValue>>>,
}

#[derive(Deserialize)]
pub(crate) struct ListMeta {
    #[serde(rename = "resourceVersion", default)]
    pub(crate) resource_version: String,
    #[serde(rename = "continue")]
    pub(crate) next: Option<String>,
}

/// A path with a query.
pub(crate) struct Path(pub(crate) String);

impl Path {
    pub(crate) fn new(path: String) -> Self {
        Self(path)
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
    }

    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

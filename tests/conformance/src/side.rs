//! One of the two servers, and what it answered.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{AsyncBufRead, AsyncBufReadExt, TryStreamExt};
use http_body_util::BodyExt;
use kruise_testkit::server::ApiServer;
use kube::client::Body as HttpBody;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::additions;
use crate::generate;
use crate::kinds::{KINDS, Kind};
use crate::memory::{Memory, version_of};
use crate::normal::Normal;
use crate::request::{Body, Request, Verb};

/// Until a server that doesn't answer is given up.
const PATIENCE: Duration = Duration::from_secs(90);

const BRIEF: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

type Lines = Pin<Box<dyn AsyncBufRead + Send>>;

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// JSON, or a string of what is none. Null for a watch that was opened.
    pub(crate) body: Value,
}

/// A watch that goes on.
struct Watch {
    /// The request that opened it; none for a witness.
    request: Option<usize>,
    kind: &'static Kind,
    lines: Lines,
    events: Vec<Value>,
}

/// A server with what is known of it.
pub(crate) struct Side<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) client: kube::Client,
    pub(crate) memory: Memory,
    pub(crate) normal: Normal,
    /// The test kit's server, if it is that one.
    pub(crate) kit: Option<ApiServer>,
    watches: Vec<Watch>,
}

impl<'a> Side<'a> {
    /// A side whose server has the namespace.
    pub(crate) fn new(
        runtime: &'a Runtime,
        client: kube::Client,
        namespace: &str,
        ghost: &str,
    ) -> Result<Self> {
        let mut side = Self {
            runtime,
            client,
            memory: Memory::new(namespace, ghost, 0),
            normal: Normal::new(0, namespace, ghost),
            kit: None,
            watches: Vec::new(),
        };
        let path = format!("/api/v1/namespaces/{namespace}/configmaps?limit=1");
        let list = side.call(http::Method::GET, &path, None)?;
        let begin = version_of(&list.body).context("read a list's version")?;
        side.memory.begin = begin;
        side.normal = Normal::new(begin, namespace, ghost);
        Ok(side)
    }

    /// Sends a request of a sequence. What the answer tells is kept.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Answer> {
        let path = self.path(request);
        let body = self.body(request);
        let mut builder = http::Request::builder()
            .method(request.verb.method())
            .uri(&path)
            .header(
                "Accept",
                if request.brief {
                    BRIEF
                } else {
                    "application/json"
                },
            );
        if body.is_some() {
            builder = builder.header("Content-Type", request.verb.content_type());
        }
        let sent = builder
            .body(HttpBody::from(body.unwrap_or_default().into_bytes()))
            .with_context(|| format!("make a request for {path}"))?;
        let before = if request.may_move_versions_alone() {
            self.object(request)?
        } else {
            None
        };
        let answer = if request.verb == Verb::Watch {
            self.open(sent, Some(request.id), request.kind)?
        } else {
            self.send(sent)?
        };
        if let Some(before) = before
            && let Some(after) = self.object(request)?
            && let (Some(old), Some(new)) = (version_of(&before), version_of(&after))
            && old != new
            && without_version(before) == without_version(after.clone())
        {
            self.normal.alias(new, old);
            self.memory.rename(request, old, &after);
        }
        if answer.code < 300 && !request.is_dry() {
            self.memory.keep(request, &answer.body);
            self.normal.learn(request, &answer.body);
        }
        Ok(answer)
    }

    /// The object of a request as it is now.
    fn object(&self, request: &Request) -> Result<Option<Value>> {
        let namespace = self.memory.text(request.namespace.unwrap_or("<namespace>"));
        let (path, name) = (
            request.kind.path(&namespace),
            self.memory.name(&request.name),
        );
        let answer = self.call(http::Method::GET, &format!("{path}/{name}"), None)?;
        Ok((answer.code == 200).then_some(answer.body))
    }

    fn path(&self, request: &Request) -> String {
        let namespace = self.memory.text(request.namespace.unwrap_or("<namespace>"));
        let mut path = request.kind.path(&namespace);
        let name = self.memory.name(&request.name);
        for part in [name.as_str(), request.subresource] {
            if !part.is_empty() {
                path.push('/');
                path.push_str(part);
            }
        }
        let mut mark = '?';
        for (name, value) in &request.query {
            path.push(mark);
            path.push_str(name);
            path.push('=');
            for byte in self.memory.text(value).bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    path.push(char::from(byte));
                } else {
                    path.push_str(&format!("%{byte:02X}"));
                }
            }
            mark = '&';
        }
        path
    }

    fn body(&self, request: &Request) -> Option<String> {
        let mut value = match &request.body {
            Body::Nothing => return None,
            Body::Text(text) => return Some((*text).to_owned()),
            Body::Json(value) => value.clone(),
            Body::Read {
                back,
                edits,
                otherwise,
            } => match self.memory.object(&request.key(), *back) {
                Some(mut object) => {
                    object["apiVersion"] = json!(request.kind.api_version());
                    object["kind"] = json!(request.kind.kind);
                    generate::edited(object, edits)
                }
                None => otherwise.clone(),
            },
        };
        if let Some(name) = value["metadata"]["name"].as_str()
            && name.starts_with('~')
        {
            value["metadata"]["name"] = json!(self.memory.name(name));
        }
        self.memory.resolve(&mut value);
        Some(value.to_string())
    }

    /// A call that no sequence has.
    pub(crate) fn call(
        &self,
        method: http::Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Result<Answer> {
        let mut builder = http::Request::builder().method(method).uri(path);
        if let Some((content_type, _)) = body {
            builder = builder.header("Content-Type", content_type);
        }
        let body = body.map(|(_, value)| value.to_string()).unwrap_or_default();
        let request = builder
            .body(HttpBody::from(body.into_bytes()))
            .with_context(|| format!("make a request for {path}"))?;
        self.send(request)
    }

    fn send(&self, request: http::Request<HttpBody>) -> Result<Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        let answered = async {
            let response = self.client.send(request).await?;
            let code = response.status().as_u16();
            let bytes = response.into_body().collect().await?.to_bytes();
            Ok::<_, kube::Error>((code, bytes))
        };
        let (code, bytes) = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, answered).await })
            .with_context(|| format!("no answer to {what}"))?
            .with_context(|| what.clone())?;
        let text = String::from_utf8_lossy(&bytes);
        let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        Ok(Answer { code, body })
    }

    fn open(
        &mut self,
        request: http::Request<HttpBody>,
        id: Option<usize>,
        kind: &'static Kind,
    ) -> Result<Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        let response = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, self.client.send(request)).await })
            .with_context(|| format!("no answer to {what}"))?
            .with_context(|| what.clone())?;
        let code = response.status().as_u16();
        let body = response.into_body();
        if code >= 300 {
            let bytes = self
                .runtime
                .block_on(body.collect())
                .with_context(|| what)?
                .to_bytes();
            let text = String::from_utf8_lossy(&bytes);
            let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            return Ok(Answer { code, body });
        }
        let bytes = body.into_data_stream().map_err(std::io::Error::other);
        self.watches.push(Watch {
            request: id,
            kind,
            lines: Box::pin(Box::pin(bytes).into_async_read()),
            events: Vec::new(),
        });
        Ok(Answer {
            code,
            body: Value::Null,
        })
    }

    /// Opens a watch of all that happened to a kind since the beginning.
    pub(crate) fn witness(&mut self, kind: &'static Kind) -> Result<()> {
        let path = format!(
            "{}?watch=true&timeoutSeconds=300&resourceVersion={}",
            kind.path(&self.memory.namespace),
            self.memory.begin
        );
        let request = http::Request::get(&path)
            .body(HttpBody::empty())
            .with_context(|| format!("make a request for {path}"))?;
        let answer = self.open(request, None, kind)?;
        if answer.code >= 300 {
            bail!("{path} answered {}: {}", answer.code, answer.body);
        }
        Ok(())
    }

    /// Whether pod garbage collection has stepped into what happened since the beginning, or a watch was too late for it.
    pub(crate) fn is_disturbed(&mut self) -> Result<bool> {
        let mut told = self.watches.iter().flat_map(|watch| &watch.events);
        if told.any(additions::is_forgotten) {
            return Ok(true);
        }
        const QUIET: Duration = Duration::from_millis(100);
        let pods = KINDS.iter().find(|kind| kind.plural == "pods");
        self.witness(pods.context("find the kind of pods")?)?;
        let events = self.read_watch(self.watches.len() - 1, 0, QUIET, QUIET)?;
        let objects = events.iter().map(|event| &event["object"]);
        Ok(objects.into_iter().any(additions::is_of_pod_gc))
    }

    /// How many watches are open.
    pub(crate) fn open_watches(&self) -> usize {
        self.watches.len()
    }

    /// Which request opened the watch, and of which kind it is.
    pub(crate) fn watch(&self, index: usize) -> (Option<usize>, &'static Kind) {
        (self.watches[index].request, self.watches[index].kind)
    }

    /// Reads what a watch has until `wanted` events are there and nothing more comes for `quiet`, or nothing came for
    /// `patience`. Returns them all.
    pub(crate) fn read_watch(
        &mut self,
        index: usize,
        wanted: usize,
        quiet: Duration,
        patience: Duration,
    ) -> Result<Vec<Value>> {
        let watch = &mut self.watches[index];
        self.runtime.block_on(async {
            loop {
                let within = if watch.events.len() >= wanted {
                    quiet
                } else {
                    patience
                };
                let mut line = String::new();
                match tokio::time::timeout(within, watch.lines.read_line(&mut line)).await {
                    Err(_) => break,
                    Ok(Ok(0)) => {
                        watch.events.push(json!({ "type": "(end)" }));
                        break;
                    }
                    Ok(read) => {
                        read.context("read a watch")?;
                        let event: Value = serde_json::from_str(&line)
                            .with_context(|| format!("read an event: {line}"))?;
                        let bookmark = event["type"] == "BOOKMARK";
                        // They come when a server likes.
                        if !bookmark || ends_initial_events(&event) {
                            watch.events.push(event);
                        }
                    }
                }
            }
            Ok(watch.events.clone())
        })
    }

    /// What is stored of a kind in the namespace.
    pub(crate) fn stored(&mut self, kind: &Kind) -> Result<Value> {
        let answer = self.call(http::Method::GET, &kind.path(&self.memory.namespace), None)?;
        if answer.code != 200 {
            bail!(
                "listing {} answered {}: {}",
                kind.plural,
                answer.code,
                answer.body
            );
        }
        self.normal.see(&answer.body);
        let mut list = self.normal.value(&answer.body);
        Ok(list["items"].take())
    }
}

fn without_version(mut object: Value) -> Value {
    if let Value::Object(metadata) = &mut object["metadata"] {
        metadata.shift_remove("resourceVersion");
        metadata.shift_remove("managedFields");
    }
    object
}

fn ends_initial_events(event: &Value) -> bool {
    event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
}

//! What stands between a process and the server: a witness, who notes what the process is told, and in tests of the
//! judges a saboteur, who makes a broken controller of a good one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, BodyStream, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use kruise_testkit::{clock::VirtualClock, random::Random, server::ApiServer};
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;

use crate::history::Told;

type Error = Box<dyn std::error::Error + Send + Sync>;
/// What comes back.
type Answer = Response<UnsyncBoxBody<Bytes, Error>>;

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose it is.
    pub who: &'static str,
    /// Method.
    pub method: Method,
    /// Path.
    pub path: String,
    /// Query, without the question mark.
    pub query: String,
    /// What is sent; null, if nothing is.
    pub body: Value,
}

impl Call {
    /// The kind's plural, and after it the parts of the path: a name and a subresource, if there are any.
    fn target(&self) -> (&str, Option<&str>, Option<&str>) {
        let parts: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let after_version = if parts.first() == Some(&"api") { 2 } else { 3 };
        let rest = parts.get(after_version..).unwrap_or_default();
        let rest = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            rest => rest,
        };
        let part = |place: usize| rest.get(place).copied();
        (part(0).unwrap_or_default(), part(1), part(2))
    }

    /// Plural of the kind.
    #[must_use]
    pub fn plural(&self) -> &str {
        self.target().0
    }

    /// Name of the object, if it is about one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.target().1
    }

    /// Subresource, if there is one.
    #[must_use]
    pub fn subresource(&self) -> Option<&str> {
        self.target().2
    }

    /// Whether it asks for changes as they come.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        self.has("watch=1") || self.has("watch=true")
    }

    /// Whether this pair is in its query.
    fn has(&self, pair: &str) -> bool {
        self.query.split('&').any(|own| own == pair)
    }

    /// Whether it is of this method and kind, and changes something.
    #[must_use]
    pub fn writes(&self, method: &Method, plural: &str) -> bool {
        self.method == *method && self.plural() == plural && !self.query.contains("dryRun")
    }
}

/// What is done with a call.
#[derive(Debug)]
pub enum Next {
    /// It goes out.
    Send,
    /// It never goes out, and this is the answer.
    Answer(StatusCode, Value),
    /// These go out first, and their answers are nobody's.
    After(Vec<Call>),
}

/// Who makes a broken controller of a good one.
pub trait Saboteur: Send + Sync {
    /// A call is about to go out, and may be another one from here on.
    fn call(&self, _call: &mut Call) -> Next {
        Next::Send
    }

    /// An object is about to be handed over, alone or within a list or an event.
    fn object(&self, _call: &Call, _object: &mut Value) {}

    /// A review is about to be handed to a replica.
    fn review(&self, _review: &mut Value) {}
}

/// What stands between one process and the server.
#[derive(Clone)]
pub struct Between {
    /// Whose client it is.
    pub who: &'static str,
    /// The server, whose version is that of an answer "not found".
    pub server: ApiServer,
    /// When things are noted.
    pub clock: VirtualClock,
    /// What the process was told.
    pub told: Arc<Mutex<Told>>,
    /// How long requests are on their way.
    pub latency: Arc<Mutex<Random>>,
    /// Who spoils it.
    pub saboteur: Option<Arc<dyn Saboteur>>,
}

/// A request takes so many milliseconds at most, and at least one: with none, who never rests would stop the clock.
const LATENCY: usize = 6;

impl Between {
    /// The client that the process gets in place of this one.
    #[must_use]
    pub fn client(self, inner: kube::Client) -> kube::Client {
        let service = tower::service_fn(move |request: Request<Body>| {
            let (between, inner) = (self.clone(), inner.clone());
            async move { between.pass(inner, request).await }
        });
        kube::Client::new(service, "default")
    }

    async fn pass(self, inner: kube::Client, request: Request<Body>) -> Result<Answer, Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut call = Call {
            who: self.who,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&body)?
            },
        };
        tokio::time::sleep(self.latency()).await;
        let Some(saboteur) = self.saboteur.clone() else {
            let response = inner
                .send(Request::from_parts(parts, Body::from(body)))
                .await?;
            return self.hand_over(call, response).await;
        };
        match saboteur.call(&mut call) {
            Next::Send => {}
            Next::Answer(code, answer) => {
                return Ok(Response::builder()
                    .status(code)
                    .body(plain(json(&answer)?))?);
            }
            Next::After(calls) => {
                for call in calls {
                    let answer = inner.send(encode(&parts, &call)?).await;
                    drop(answer);
                }
            }
        }
        let response = inner.send(encode(&parts, &call)?).await?;
        self.hand_over(call, response).await
    }

    async fn hand_over(self, call: Call, response: Response<Body>) -> Result<Answer, Error> {
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            if parts.status == StatusCode::NOT_FOUND
                && let Some(name) = call.name()
            {
                self.note(call.plural(), name, self.server.version());
            }
            return Ok(Response::from_parts(parts, plain(body)));
        }
        if call.is_watch() {
            return Ok(Response::from_parts(parts, self.watched(call, body)));
        }
        let bytes = body.collect().await?.to_bytes();
        let bytes = self.look(&call, bytes)?;
        Ok(Response::from_parts(parts, plain(Body::from(bytes))))
    }

    /// Notes an answer, and lets the saboteur at it.
    fn look(&self, call: &Call, bytes: Bytes) -> Result<Bytes, Error> {
        let answer: Peek = serde_json::from_slice(&bytes)?;
        match &answer.items {
            // Lists of which only versions are read.
            Some(_) if answer.kind == "PartialObjectMetadataList" || call.has("limit=1") => {}
            Some(items) => {
                for item in items {
                    self.note(call.plural(), &item.metadata.name, item.metadata.version());
                }
                // Only with the last page.
                if answer.metadata.is_whole() {
                    self.told().note_list(
                        self.who,
                        call.plural(),
                        self.clock.now(),
                        answer.metadata.version(),
                    );
                }
            }
            None => self.note(
                call.plural(),
                &answer.metadata.name,
                answer.metadata.version(),
            ),
        }
        let Some(saboteur) = &self.saboteur else {
            return Ok(bytes);
        };
        let mut whole: Value = serde_json::from_slice(&bytes)?;
        match whole["items"].as_array_mut() {
            Some(items) => items
                .iter_mut()
                .for_each(|item| saboteur.object(call, item)),
            None => saboteur.object(call, &mut whole),
        }
        Ok(serde_json::to_vec(&whole)?.into())
    }

    fn watched(self, call: Call, body: Body) -> UnsyncBoxBody<Bytes, Error> {
        let lines = stream::unfold(
            (self, call, BodyStream::new(body), Vec::new()),
            |(between, call, mut body, mut rest)| async move {
                loop {
                    if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = rest.drain(..=end).collect();
                        let line = between.event(&call, line);
                        return Some((
                            Ok(Frame::data(Bytes::from(line))),
                            (between, call, body, rest),
                        ));
                    }
                    match body.next().await {
                        Some(Ok(frame)) => rest.extend(frame.into_data().unwrap_or_default()),
                        Some(Err(error)) => {
                            return Some((Err(error.into()), (between, call, body, rest)));
                        }
                        None if rest.is_empty() => return None,
                        None => {
                            let broken = std::mem::take(&mut rest);
                            return Some((
                                Ok(Frame::data(Bytes::from(broken))),
                                (between, call, body, rest),
                            ));
                        }
                    }
                }
            },
        );
        StreamBody::new(lines.boxed()).boxed_unsync()
    }

    fn event(&self, call: &Call, line: Vec<u8>) -> Vec<u8> {
        let Ok(event) = serde_json::from_slice::<Event>(&line) else {
            return line;
        };
        let metadata = &event.object.metadata;
        if event.type_ == "BOOKMARK" {
            if metadata
                .annotations
                .contains_key("k8s.io/initial-events-end")
            {
                self.told().note_list(
                    self.who,
                    call.plural(),
                    self.clock.now(),
                    metadata.version(),
                );
            }
        } else {
            self.note(call.plural(), &metadata.name, metadata.version());
        }
        let Some(saboteur) = self.saboteur.as_ref().filter(|_| event.type_ != "BOOKMARK") else {
            return line;
        };
        let mut whole: Value = serde_json::from_slice(&line).unwrap_or_default();
        saboteur.object(call, &mut whole["object"]);
        let mut line = serde_json::to_vec(&whole).unwrap_or_default();
        line.push(b'\n');
        line
    }

    fn latency(&self) -> Duration {
        let mut random = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(1 + random.below(LATENCY) as u64)
    }

    fn note(&self, plural: &str, name: &str, version: u64) {
        self.told()
            .note(self.who, plural, name, self.clock.now(), version);
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(parts: &Parts, call: &Call) -> Result<Request<Body>, Error> {
    let uri = if call.query.is_empty() {
        call.path.clone()
    } else {
        format!("{}?{}", call.path, call.query)
    };
    let mut request = Request::builder().method(call.method.clone()).uri(uri);
    for (name, value) in &parts.headers {
        let is_of_other = *name == header::CONTENT_TYPE && parts.method != call.method;
        if *name != header::CONTENT_LENGTH && !is_of_other {
            request = request.header(name, value);
        }
    }
    if parts.method != call.method {
        let is_patch = call.method == Method::PATCH;
        let of_body = if is_patch {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        request = request.header(header::CONTENT_TYPE, of_body);
    }
    Ok(request.body(json(&call.body)?)?)
}

fn plain(body: Body) -> UnsyncBoxBody<Bytes, Error> {
    body.map_err(Into::into).boxed_unsync()
}

fn json(value: &Value) -> Result<Body, Error> {
    Ok(match value {
        Value::Null => Body::empty(),
        value => Body::from(serde_json::to_vec(value)?),
    })
}

#[derive(Deserialize)]
struct Peek {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    type_: String,
    object: Item,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    resource_version: String,
    #[serde(rename = "continue")]
    go_on: String,
    annotations: std::collections::BTreeMap<String, String>,
}

impl Metadata {
    fn version(&self) -> u64 {
        self.resource_version.parse().unwrap_or_default()
    }

    fn is_whole(&self) -> bool {
        self.go_on.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use kruise_testkit::world::{World, play};
    use serde_json::json;

    use super::*;

    /// Whether a process knows after this list what was in it, and what wasn't.
    fn known_after(query: &str, kind: &str) -> bool {
        let told = Arc::<Mutex<Told>>::default();
        play(1, async |world: &mut World| {
            let between = Between {
                who: "a",
                server: world.server.clone(),
                clock: world.clock,
                told: Arc::clone(&told),
                latency: Arc::new(Mutex::new(world.random.fork())),
                saboteur: None,
            };
            let call = Call {
                who: "a",
                method: Method::GET,
                path: "/api/v1/pods".to_owned(),
                query: query.to_owned(),
                body: Value::Null,
            };
            let pod = json!({ "metadata": { "name": "x", "resourceVersion": "5" } });
            let list =
                json!({ "kind": kind, "metadata": { "resourceVersion": "7" }, "items": [pod] });
            between.look(&call, list.to_string().into()).unwrap();
            let later = world.clock.now() + crate::history::UNDER_WAY;
            let told = between.told();
            told.knew("a", "pods", "x", 5, later) && told.knew("a", "pods", "gone", 7, later)
        })
    }

    // What a process asks how new its indexes must be tells them nothing.
    #[test]
    fn lists_tell_but_those_that_are_asked_for_their_version() {
        assert!(known_after("limit=500", "PodList"));
        assert!(!known_after("limit=1", "PodList"));
        assert!(!known_after("limit=500", "PartialObjectMetadataList"));
    }
}

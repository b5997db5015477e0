//! A proxy between a controller and the API server that makes trouble on purpose, and counts.
//!
//! It passes everything through, with the caller's own credentials, and does what [`Rules`] say: watches lag,
//! lose events, fall silent or break off; writes are done while their answers are lost.

mod call;
mod lines;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::stream;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kube::config::AuthInfo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use call::Call;
use rules::Dice;
pub use rules::{Loss, Rules, Spoiling, Spoilt};

/// Longer than any client waits for an answer that never comes.
const FOREVER: Duration = Duration::from_secs(60);

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A request that passed through, other than the opening of a watch.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What it was about. The name of what was created is in it.
    pub call: Call,
    /// UID of what was created, or of the precondition of a deletion; empty otherwise.
    pub uid: String,
    /// What the API server said, whatever was made of it.
    pub status: u16,
    /// What was made of the answer; `None`: it was passed on.
    pub spoilt: Option<Spoiling>,
    /// When it was answered.
    pub at: Instant,
}

/// The proxy. It serves until it is dropped.
pub struct Proxy {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

struct State {
    upstream: kube::Client,
    rules: Mutex<Rules>,
    dice: Mutex<Dice>,
    passed: Mutex<Vec<Passed>>,
    /// By resource and version, so that each event is lost once.
    lost: Mutex<BTreeSet<(String, String, String)>>,
    watches: Mutex<BTreeMap<String, u64>>,
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// A proxy to the API server of this configuration, whose credentials it doesn't use.
    pub async fn start(mut config: kube::Config, seed: u64) -> Self {
        config.auth_info = AuthInfo::default();
        config.default_retry = false;
        let state = Arc::new(State {
            upstream: kube::Client::try_from(config).expect("a client"),
            rules: Mutex::default(),
            dice: Mutex::new(Dice::new(seed)),
            passed: Mutex::default(),
            lost: Mutex::default(),
            watches: Mutex::default(),
            cuts: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self {
            url,
            state,
            serving,
        }
    }

    /// Changes the rules.
    pub fn set(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut lock(&self.state.rules));
    }

    /// Breaks the connections of all open watches again and again, until it is aborted or the proxy is dropped.
    pub fn cutter(&self, every: Duration) -> JoinHandle<()> {
        let state = Arc::downgrade(&self.state);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(state) = state.upgrade() else { return };
                state.cuts.send_modify(|cuts| *cuts += 1);
            }
        })
    }

    /// Requests that passed, but for the opening of watches.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        lock(&self.state.passed).clone()
    }

    /// Requests of this kind that passed.
    #[must_use]
    pub fn passed_of(&self, verb: &str, resource: &str) -> Vec<Passed> {
        let mut all = self.passed();
        all.retain(|passed| {
            let call = &passed.call;
            call.verb == verb && call.resource == resource && call.subresource.is_empty()
        });
        all
    }

    /// How many watch events of a resource were lost.
    #[must_use]
    pub fn lost(&self, resource: &str) -> usize {
        let lost = lock(&self.state.lost);
        lost.iter().filter(|(of, ..)| of == resource).count()
    }

    /// How many answers were spoilt.
    #[must_use]
    pub fn spoilt(&self) -> usize {
        let passed = lock(&self.state.passed);
        passed
            .iter()
            .filter(|passed| passed.spoilt.is_some())
            .count()
    }

    /// One line of counts: requests by verb and resource, and the trouble made.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut trouble: BTreeMap<String, usize> = BTreeMap::new();
        for Passed { call, spoilt, .. } in self.passed() {
            let subresource = if call.subresource.is_empty() {
                String::new()
            } else {
                format!("/{}", call.subresource)
            };
            let what = format!("{} {}{subresource}", call.verb, call.resource);
            *counts.entry(what).or_default() += 1;
            if let Some(spoilt) = spoilt {
                *trouble.entry(format!("{spoilt:?}")).or_default() += 1;
            }
        }
        for (_, kind, _) in lock(&self.state.lost).iter() {
            *trouble.entry(format!("lost {kind}")).or_default() += 1;
        }
        let watches = lock(&self.state.watches).clone();
        format!("requests {counts:?}; watches opened {watches:?}; trouble {trouble:?}")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.expect("accept a connection");
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| Arc::clone(&state).answer(request));
            // It ends with an error each time an answer is spoilt.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        let call = Call::of(&parts.method, parts.uri.path(), query);
        let has_list = query.contains("sendInitialEvents=true");
        let content = body
            .collect()
            .await
            .map_err(std::io::Error::other)?
            .to_bytes();

        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut upstream = Request::builder().method(parts.method).uri(path);
        let headers = upstream.headers_mut().expect("headers");
        *headers = end_to_end(&parts.headers);
        headers.remove(header::ACCEPT_ENCODING);
        let request = upstream
            .body(kube::client::Body::from(content.to_vec()))
            .map_err(std::io::Error::other)?;
        let answer = self
            .upstream
            .send(request)
            .await
            .map_err(std::io::Error::other)?;

        let (parts, body) = answer.into_parts();
        let mut response = Response::new(());
        *response.status_mut() = parts.status;
        *response.headers_mut() = end_to_end(&parts.headers);
        if call.verb == "watch" && parts.status.is_success() {
            *lock(&self.watches)
                .entry(call.resource.clone())
                .or_default() += 1;
            let pieces = lines::relay(self, call, has_list, body);
            let pieces = stream::unfold(pieces, |mut pieces| async move {
                pieces.recv().await.map(|piece| (piece, pieces))
            });
            return Ok(response.map(|()| StreamBody::new(pieces).boxed_unsync()));
        }
        let body = body
            .collect()
            .await
            .map_err(std::io::Error::other)?
            .to_bytes();
        let spoiling = self.note(call, parts.status, &content, &body);
        spoil(spoiling, response, body).await
    }

    /// Notes a request, and says what shall become of its answer.
    fn note(
        &self,
        mut call: Call,
        status: StatusCode,
        sent: &Bytes,
        answer: &Bytes,
    ) -> Option<Spoiling> {
        let spoilt = (call.is_write() && status.is_success())
            .then(|| self.spoiling(&call))
            .flatten();
        let read = |json: &Bytes, pointer: &str| {
            let json: Value = serde_json::from_slice(json).unwrap_or_default();
            let text = json.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let uid = match call.verb {
            "create" => {
                call.name = read(sent, "/metadata/name");
                read(answer, "/metadata/uid")
            }
            "delete" => read(sent, "/preconditions/uid"),
            _ => String::new(),
        };
        lock(&self.passed).push(Passed {
            call,
            uid,
            status: status.as_u16(),
            spoilt,
            at: Instant::now(),
        });
        spoilt
    }

    fn spoiling(&self, call: &Call) -> Option<Spoiling> {
        let rules = lock(&self.rules);
        let rule = rules
            .spoil
            .iter()
            .find(|rule| rule.resource == call.resource && rule.verb == call.verb)?;
        let mut dice = lock(&self.dice);
        dice.hit(rule.percent).then(|| dice.spoiling())
    }

    fn loses(&self, resource: &str, event: &lines::Event) -> bool {
        let rules = lock(&self.rules);
        let rule = rules
            .lose
            .iter()
            .find(|loss| loss.resource == resource && loss.events.contains(&event.kind.as_str()));
        let Some(rule) = rule else { return false };
        let key = (
            resource.to_owned(),
            event.kind.clone(),
            event.version.clone(),
        );
        let mut lost = lock(&self.lost);
        if lost.contains(&key) || !lock(&self.dice).hit(rule.percent) {
            return false;
        }
        lost.insert(key)
    }

    fn delay(&self, resource: &str) -> Duration {
        let rules = lock(&self.rules);
        rules.delay.get(resource).copied().unwrap_or_default()
    }
}

/// Headers without those of the single connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    headers
}

async fn spoil(
    spoiling: Option<Spoiling>,
    mut response: Response<()>,
    body: Bytes,
) -> Result<Response<Body>, std::io::Error> {
    let reset = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let failure = |code: StatusCode| {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "message": "spoilt on purpose", "code": code.as_u16(),
        });
        whole(status.to_string().into())
    };
    match spoiling {
        None => Ok(response.map(|()| whole(body))),
        Some(Spoiling::Missing) => Err(reset()),
        Some(Spoiling::Silence) => {
            tokio::time::sleep(FOREVER).await;
            Err(reset())
        }
        Some(Spoiling::Half) => {
            let half = body.slice(..body.len() / 2);
            let pieces = stream::iter([Ok(Frame::data(half)), Err(reset())]);
            Ok(response.map(|()| StreamBody::new(pieces).boxed_unsync()))
        }
        Some(Spoiling::InternalError | Spoiling::GatewayTimeout) => {
            let code = if spoiling == Some(Spoiling::InternalError) {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::GATEWAY_TIMEOUT
            };
            *response.status_mut() = code;
            Ok(response.map(|()| failure(code)))
        }
    }
}

fn whole(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

//! An API server for tests: a function from calls to answers, behind a real client.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kruise_runtime::{ApiClient, Metrics};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

/// A request as a test wants to see it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) name: String,
    pub(crate) subresource: String,
    pub(crate) is_dry_run: bool,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

type Answer = Pin<Box<dyn Future<Output = (u16, Value)> + Send>>;
type Handler = dyn Fn(Call) -> Answer + Send + Sync;

#[derive(Clone)]
pub(crate) struct FakeApi {
    handler: Arc<Handler>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl FakeApi {
    pub(crate) fn new<F>(handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = (u16, Value)> + Send + 'static,
    {
        Self {
            handler: Arc::new(move |call| Box::pin(handler(call))),
            calls: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> ApiClient {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let client = kube::Client::new(service, "default");
        ApiClient::new(client, "test", Metrics::unregistered())
    }

    /// In the order in which they came.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Names of what was called so.
    pub(crate) fn called(&self, method: &Method, subresource: &str) -> Vec<String> {
        let mut calls = self.calls();
        calls.retain(|call| call.method == *method && call.subresource == subresource);
        calls.into_iter().map(|call| call.name).collect()
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        // /api/v1/namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE
        let mut path = head.uri.path().split('/').skip(6).map(str::to_owned);
        let call = Call {
            method: head.method,
            name: path.next().unwrap_or_default(),
            subresource: path.next().unwrap_or_default(),
            is_dry_run: head
                .uri
                .query()
                .is_some_and(|query| query.contains("dryRun=All")),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            at: Instant::now(),
        };
        self.calls.lock().unwrap().push(call.clone());
        let (code, answer) = (self.handler)(call).await;
        let body = Body::from(answer.to_string().into_bytes());
        Response::builder().status(code).body(body).unwrap()
    }
}

/// The answer to a write of the object with this name, which is in this version now.
pub(crate) fn written(name: &str, version: u64) -> (u16, Value) {
    let metadata =
        json!({ "name": name, "uid": uid(name), "resourceVersion": version.to_string() });
    (200, json!({ "metadata": metadata }))
}

pub(crate) fn uid(name: &str) -> String {
    format!("uid-of-{name}")
}

pub(crate) fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let status = json!({ "kind": "Status", "code": code, "reason": reason, "message": message });
    (code, status)
}

pub(crate) fn forbidden(message: &str) -> (u16, Value) {
    status(403, "Forbidden", message)
}

pub(crate) fn conflict() -> (u16, Value) {
    status(409, "Conflict", "the object has been modified")
}

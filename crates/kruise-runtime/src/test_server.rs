//! An API server for tests: a function from requests to answers, behind a real client.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
};

use futures::{StreamExt, channel::mpsc};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Bytes, Frame};
use kube::client::Body;
use serde_json::{Value, json};

use crate::{api::client::ApiClient, tell::metrics::Metrics};

/// A request as a test wants to see it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Value,
}

impl Call {
    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains("watch=true")
    }

    pub(crate) fn is_streaming_list(&self) -> bool {
        self.query.contains("sendInitialEvents=true")
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        self.query.contains("dryRun=All")
    }

    /// Name of the object. A request that creates an object has the name in its body, not in its path.
    pub(crate) fn name(&self) -> &str {
        let named = self.body.pointer("/metadata/name").and_then(Value::as_str);
        self.after_namespace(1).or(named).unwrap_or_default()
    }

    pub(crate) fn subresource(&self) -> &str {
        self.after_namespace(2).unwrap_or_default()
    }

    /// A segment of `namespaces/NAMESPACE/RESOURCE/NAME/SUBRESOURCE`, counted from the resource on.
    fn after_namespace(&self, index: usize) -> Option<&str> {
        let (_, rest) = self.path.split_once("/namespaces/")?;
        rest.split('/').nth(index + 1)
    }
}

pub(crate) enum Answer {
    Json(u16, Value),
    /// These lines, then the stream ends.
    Lines(Vec<Value>),
    /// Lines as they are sent. The stream ends when the sender is dropped.
    Stream(mpsc::UnboundedReceiver<Value>),
    /// No answer ever comes.
    Hang,
    /// The connection breaks.
    Break,
    /// The answer that this future comes to.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl Answer {
    pub(crate) fn status(code: u16, reason: &str) -> Self {
        let message = format!("the server says {reason}");
        Self::Json(
            code,
            json!({ "kind": "Status", "code": code, "reason": reason, "message": message }),
        )
    }
}

type Handler = Box<dyn FnMut(&Call) -> Answer + Send>;

#[derive(Clone)]
pub(crate) struct TestServer {
    handler: Arc<Mutex<Handler>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl TestServer {
    pub(crate) fn new(handler: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        Self {
            handler: Arc::new(Mutex::new(Box::new(handler))),
            calls: Arc::default(),
        }
    }

    /// A server whose answers take their time: calls are answered side by side.
    pub(crate) fn later<F>(handler: impl Fn(Call) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        Self::new(move |call| Answer::Later(Box::pin(handler(call.clone()))))
    }

    pub(crate) fn client(&self) -> ApiClient {
        ApiClient::new(self.kube_client(), "test", Metrics::unregistered())
    }

    pub(crate) fn kube_client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Names of the objects that were called with this method and subresource, in the order in which the calls came.
    pub(crate) fn called(&self, method: &Method, subresource: &str) -> Vec<String> {
        let mut calls = self.calls();
        calls.retain(|call| call.method == *method && call.subresource() == subresource);
        calls.iter().map(|call| call.name().to_owned()).collect()
    }

    async fn answer(
        &self,
        request: Request<Body>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let call = Call {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        self.calls.lock().unwrap().push(call.clone());
        let mut answer = self.handler.lock().unwrap()(&call);
        while let Answer::Later(later) = answer {
            answer = later.await;
        }
        let frame = |line: Value| Ok(Frame::data(Bytes::from(format!("{line}\n"))));
        let (code, body) = match answer {
            Answer::Json(code, value) => (
                code,
                Full::new(Bytes::from(value.to_string())).boxed_unsync(),
            ),
            Answer::Lines(lines) => {
                let lines = futures::stream::iter(lines).map(frame);
                (200, StreamBody::new(lines).boxed_unsync())
            }
            Answer::Stream(lines) => (200, StreamBody::new(lines.map(frame)).boxed_unsync()),
            Answer::Hang => std::future::pending().await,
            Answer::Later(_) => unreachable!("waited for above"),
            Answer::Break => return Err(std::io::ErrorKind::ConnectionReset.into()),
        };
        Ok(Response::builder().status(code).body(body).unwrap())
    }
}

pub(crate) fn pod(name: &str, uid: &str, version: u64) -> Value {
    json!({
        "metadata": {
            "namespace": "ns",
            "name": name,
            "uid": uid,
            "resourceVersion": version.to_string(),
            "labels": { "instance": "x" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Owner", "name": "o", "uid": "owner" }],
        },
    })
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "objects are made for the call"
)]
pub(crate) fn event(kind: &str, object: Value) -> Value {
    json!({ "type": kind, "object": object })
}

pub(crate) fn bookmark(version: u64) -> Value {
    event(
        "BOOKMARK",
        json!({ "metadata": { "resourceVersion": version.to_string() } }),
    )
}

/// The end of a streaming list.
pub(crate) fn list_end(version: u64) -> Value {
    let annotations = json!({ "k8s.io/initial-events-end": "true" });
    let meta = json!({ "resourceVersion": version.to_string(), "annotations": annotations });
    event("BOOKMARK", json!({ "metadata": meta }))
}

pub(crate) fn list(version: u64, items: &[Value]) -> Value {
    json!({ "metadata": { "resourceVersion": version.to_string() }, "items": items })
}

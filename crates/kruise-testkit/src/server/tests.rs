//! The server through its client, area by area.

mod admitting;
mod agreeing;
mod collecting;
mod core;
mod custom;
mod faulty;
mod watching;
mod writing;

use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, io::Lines, stream::BoxStream};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use super::ApiServer;
use crate::clock::VirtualClock;

pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const JSON: &str = "application/json";

/// A client of a new server, with namespace `ns`.
pub(super) struct Tester {
    pub(super) server: ApiServer,
    client: kube::Client,
}

type Bytes = BoxStream<'static, Result<hyper::body::Bytes, std::io::Error>>;

/// The lines of a watch.
pub(super) struct Watched(Lines<futures::stream::IntoAsyncRead<Bytes>>);

impl Tester {
    pub(super) fn new() -> Self {
        let server = ApiServer::new(VirtualClock::new(), 1);
        let namespace = json!({ "metadata": { "name": "ns" } });
        server.put("test", kruise_api::resource::NAMESPACES, namespace);
        let client = server.client_of("tester");
        Self { server, client }
    }

    async fn respond(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> Result<http::Response<Body>, kube::Error> {
        let body = if body.is_null() {
            vec![]
        } else {
            body.to_string().into_bytes()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(Body::from(body))
            .unwrap();
        self.client.send(request).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Value,
    ) -> (u16, Value) {
        let response = self
            .respond(method, path, content_type, &body)
            .await
            .unwrap();
        read(response).await
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, JSON, Value::Null).await
    }

    /// Reads in another form: as `PartialObjectMetadata`, say.
    pub(super) async fn get_as(&self, form: &str, path: &str) -> (u16, Value) {
        let accept = format!("application/json;as={form};g=meta.k8s.io;v=v1,application/json");
        let request = Request::get(path).header("accept", accept);
        let request = request.body(Body::empty()).unwrap();
        read(self.client.send(request).await.unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, JSON, body).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PUT, path, JSON, body).await
    }

    pub(super) async fn merge(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PATCH, path, MERGE, body).await
    }

    pub(super) async fn delete(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::DELETE, path, JSON, body).await
    }

    /// Whether nothing comes back within a minute, or the connection breaks.
    pub(super) async fn is_lost(&self, method: Method, path: &str, body: Value) -> bool {
        let sent = self.respond(method, path, MERGE, &body);
        !matches!(
            tokio::time::timeout(Duration::from_secs(60), sent).await,
            Ok(Ok(_))
        )
    }

    pub(super) async fn watch(&self, path: &str) -> Watched {
        let response = self
            .respond(Method::GET, path, JSON, &Value::Null)
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let bytes = response.into_body().into_data_stream();
        let bytes: Bytes = bytes
            .map(|bytes| bytes.map_err(std::io::Error::other))
            .boxed();
        Watched(futures::TryStreamExt::into_async_read(bytes).lines())
    }
}

/// Code and body of an answer.
async fn read(response: http::Response<Body>) -> (u16, Value) {
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    (
        code,
        serde_json::from_slice(&body).unwrap_or(Value::String(text)),
    )
}

impl Watched {
    /// The next event, if one comes within ten minutes. Time flies while nothing happens.
    pub(super) async fn next(&mut self) -> Option<Result<Value, std::io::Error>> {
        let line = tokio::time::timeout(Duration::from_secs(600), self.0.next()).await;
        let line = line.expect("a line, or the end")?;
        Some(line.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line))))
    }

    /// The next event's type, and the name and version of its object.
    pub(super) async fn event(&mut self) -> (String, String, String) {
        let event = self.next().await.expect("an event").expect("a whole line");
        let text = |path: &str| {
            event
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        (
            text("/type"),
            text("/object/metadata/name"),
            text("/object/metadata/resourceVersion"),
        )
    }

    /// What has been sent up to now.
    pub(super) async fn so_far(&mut self) -> Vec<(String, String)> {
        let mut events = vec![];
        while let Ok(event) = tokio::time::timeout(Duration::from_millis(1), self.event()).await {
            events.push((event.0, event.1));
        }
        events
    }
}

pub(super) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": { "containers": [{ "name": "main", "image": "nginx:1" }] },
    })
}

pub(super) fn map(name: &str, data: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": data } })
}

pub(super) const PODS: &str = "/api/v1/namespaces/ns/pods";
pub(super) const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

pub(super) fn message(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["message"].as_str().unwrap_or_default())
}

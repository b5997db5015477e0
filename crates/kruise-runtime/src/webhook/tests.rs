//! Tests of the webhook server: most without a socket, by calling the service with a review.

mod admission;
mod conversion;
mod crowd;
mod kind;
mod limits;
mod metrics;
mod patch;
mod stuck;
mod tls;

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{
    AdmissionRequest, AdmissionResponse, Limits, Routes, WebhookMetrics, service::WebhookService,
};

/// An answer as tests want to see it.
#[derive(Debug)]
struct Answered {
    code: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn service(routes: Routes) -> WebhookService {
    WebhookService::new(routes, Limits::default(), WebhookMetrics::default()).unwrap()
}

/// What decides on `/a`.
fn admitting(
    handler: impl Fn(&AdmissionRequest) -> AdmissionResponse + Send + Sync + 'static,
) -> WebhookService {
    service(Routes::default().admission("/a", handler))
}

async fn call<B>(service: &WebhookService, request: Request<B>) -> Answered
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let answer = service.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answered {
        code: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn request(uri: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(uri)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

async fn post(service: &WebhookService, uri: &str, body: &Value) -> Answered {
    call(service, request(uri, body.to_string())).await
}

/// A review of an object that is created.
fn review(object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u1",
            "kind": { "group": "apps.kruise.io", "version": "v1beta1", "kind": "CloneSet" },
            "resource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "clonesets" },
            "namespace": "ns",
            "operation": "CREATE",
            "userInfo": {},
            "object": object,
        },
    })
}

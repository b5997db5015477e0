//! An API server for tests: answers by the call, behind a real client. What is asked of it in between, such as how many
//! calls run side by side, is the runtime's to test.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use kruise_runtime::{ApiClient, Metrics};
use kube::client::Body;
use serde_json::{Value, json};

/// Code and body.
pub(crate) type Answer = (u16, Value);

#[derive(Clone)]
pub(crate) struct FakeApi {
    answers: Arc<Vec<(&'static str, Answer)>>,
    calls: Arc<Mutex<Vec<String>>>,
}

impl FakeApi {
    /// Answers these calls so, and all others as if they had been done. A call is its method, the kind's plural and
    /// the object, such as `PATCH pods web-a/status`.
    pub(crate) fn answering(answers: impl IntoIterator<Item = (&'static str, Answer)>) -> Self {
        Self {
            answers: Arc::new(answers.into_iter().collect()),
            calls: Arc::default(),
        }
    }

    pub(crate) fn client(&self) -> ApiClient {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = server.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        let client = kube::Client::new(service, "default");
        ApiClient::new(client, "test", Metrics::unregistered())
    }

    /// In the order in which they came.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let call = in_words(request);
        let mut answers = self.answers.iter();
        let answer = answers.find(|(of, _)| *of == call);
        let (code, answer) = answer.map_or_else(done, |(_, answer)| answer.clone());
        self.calls.lock().unwrap().push(call);
        let body = Body::from(answer.to_string().into_bytes());
        Response::builder().status(code).body(body).unwrap()
    }
}

fn in_words(request: &Request<Body>) -> String {
    let uri = request.uri();
    // …/namespaces/NAMESPACE/KIND/NAME/SUBRESOURCE
    let (_, path) = uri.path().split_once("/namespaces/").unwrap_or_default();
    let mut path = path.splitn(3, '/').skip(1);
    let (kind, object) = (path.next().unwrap_or_default(), path.next());
    let is_dry_run = uri
        .query()
        .is_some_and(|query| query.contains("dryRun=All"));
    let dry_run = if is_dry_run { "dry " } else { "" };
    let words = format!("{dry_run}{} {kind}", request.method());
    match object {
        Some(object) => format!("{words} {object}"),
        None => words,
    }
}

fn done() -> Answer {
    let metadata = json!({ "name": "any", "uid": "any", "resourceVersion": "2" });
    (200, json!({ "metadata": metadata }))
}

pub(crate) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let status = json!({ "kind": "Status", "code": code, "reason": reason, "message": message });
    (code, status)
}

pub(crate) fn forbidden(message: &str) -> Answer {
    status(403, "Forbidden", message)
}

pub(crate) fn conflict() -> Answer {
    status(409, "Conflict", "the object has been modified")
}

pub(crate) fn not_found() -> Answer {
    status(404, "NotFound", "it is gone")
}

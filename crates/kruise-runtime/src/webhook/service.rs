//! From a request to its answer, without a socket: tests of handlers call this with a review.

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{BoxFuture, FutureExt};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use tokio::sync::Semaphore;

use super::{
    admission::Admission,
    body, conversion,
    error::ServerError,
    limits::Limits,
    metrics::WebhookMetrics,
    no_review::NoReview,
    offload::Turns,
    request::AdmissionRequest,
    routes::{Endpoint, Route, Routes},
};

/// Always answered, so that probes and readiness can tell that the server is there (PF-138).
const HEALTH_PATH: &str = "/healthz";

type Answer = Response<Full<Bytes>>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Answers requests. Clones share the limits.
#[derive(Clone)]
pub(super) struct WebhookService {
    shared: Arc<Shared>,
}

struct Shared {
    routes: HashMap<String, Arc<Served>>,
    limits: Limits,
    free_requests: Semaphore,
    /// One permit a byte.
    free_bytes: Arc<Semaphore>,
    metrics: WebhookMetrics,
}

/// A route, and the turns in which its requests are handled.
struct Served {
    route: Route,
    turns: Turns,
}

impl WebhookService {
    /// A service of these routes.
    ///
    /// # Errors
    /// When two routes have the same path.
    pub(super) fn new(
        routes: Routes,
        limits: Limits,
        metrics: WebhookMetrics,
    ) -> Result<Self, ServerError> {
        let mut by_path = HashMap::new();
        for route in routes.into_routes() {
            metrics.announce(&route.path);
            let path = route.path.clone();
            let turns = Turns::new(&limits);
            let served = Arc::new(Served { route, turns });
            if by_path.insert(path.clone(), served).is_some() {
                return Err(ServerError::SamePath { path });
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                routes: by_path,
                free_requests: Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS)),
                free_bytes: Arc::new(Semaphore::new(limits.bodies.min(Semaphore::MAX_PERMITS))),
                limits,
                metrics,
            }),
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The answer to one request.
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let path = request.uri().path();
        if path == HEALTH_PATH {
            return Answer::default();
        }
        let Some(served) = self.shared.routes.get(path) else {
            return NoReview::NotFound.into_answer();
        };
        let route = &served.route;
        let measured = self.shared.metrics.begin(&route.path);
        let answer = match self.shared.review(served, request).await {
            Ok(review) => json(review),
            Err(refusal) => {
                report(&route.path, &refusal);
                refusal.into_answer()
            }
        };
        let time = measured.end(&route.path, answer.status());
        tracing::debug!(
            path = route.path,
            code = answer.status().as_u16(),
            ?time,
            "answered"
        );
        answer
    }
}

impl Shared {
    async fn review<B>(&self, served: &Arc<Served>, request: Request<B>) -> Result<Bytes, NoReview>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        if request.method() != Method::POST {
            return Err(NoReview::Method);
        }
        if !is_json(request.headers()) {
            return Err(NoReview::ContentType);
        }
        let time = served.route.time(request.uri().query());
        tokio::time::timeout(time, self.read_and_handle(served, request.into_body()))
            .await
            .map_err(|_| NoReview::Late(time))?
    }

    async fn read_and_handle<B>(&self, served: &Arc<Served>, body: B) -> Result<Bytes, NoReview>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let largest = match &served.route.endpoint {
            Endpoint::Admission(_) => self.limits.admission_body,
            Endpoint::Conversion(_) => self.limits.conversion_body,
        };
        let body = body::read(body, largest, &self.free_bytes, &self.limits).await?;
        // The request counts only from here on: a client that sends slowly takes nobody's place.
        let _running = self
            .free_requests
            .try_acquire()
            .map_err(|_| NoReview::TooManyRequests)?;
        let bytes = body.bytes().len();
        let work = {
            let served = Arc::clone(served);
            // The body goes with the work: its bytes count as long as the work goes on, whoever still waits for it.
            async move {
                // What a handler leaves behind when it panics is its own; nothing here is half changed.
                let answer = AssertUnwindSafe(handle(&served.route, body.bytes()))
                    .catch_unwind()
                    .await;
                answer.map(|answer| answer.map(|answer| body.answered_by(answer)))
            }
        };
        let path = &served.route.path;
        match served.turns.run(bytes, work.boxed()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(self.panicked(path, panic_text(panic.as_ref()))),
            Err(ended) => Err(self.panicked(path, &ended.to_string())),
        }
    }

    fn panicked(&self, path: &str, panic: &str) -> NoReview {
        self.metrics.panics.inc();
        tracing::error!(path, panic, "a webhook handler panicked");
        NoReview::Panicked
    }
}

pub(super) async fn handle(route: &Route, body: &[u8]) -> Result<Vec<u8>, NoReview> {
    match &route.endpoint {
        Endpoint::Admission(handler) => admit(handler.as_ref(), body).await,
        Endpoint::Conversion(converter) => conversion::answer(body, converter).await,
    }
}

async fn admit(handler: &dyn Admission, body: &[u8]) -> Result<Vec<u8>, NoReview> {
    let request = AdmissionRequest::from_review(body)?;
    let response = handler.admit(&request).await;
    tracing::debug!(
        uid = request.uid,
        resource = request.resource.resource,
        namespace = request.namespace,
        name = request.name,
        operation = ?request.operation,
        allowed = response.is_allowed(),
        message = response.message(),
        "admission decided"
    );
    response.to_review(&request.uid)
}

impl<B> tower::Service<Request<B>> for WebhookService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        async move { Ok(service.answer(request).await) }.boxed()
    }
}

fn report(path: &str, refusal: &NoReview) {
    match refusal {
        NoReview::Late(_) | NoReview::Unwritable(_) | NoReview::Undecided(_) => {
            tracing::warn!(
                path,
                error = crate::chain(refusal),
                "no answer to a webhook request"
            );
        }
        // Whoever can reach the port can cause these, as many as they like.
        _ => tracing::debug!(
            path,
            error = crate::chain(refusal),
            "webhook request refused"
        ),
    }
}

fn json(review: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(review));
    *answer.status_mut() = StatusCode::OK;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    answer
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("?")
}

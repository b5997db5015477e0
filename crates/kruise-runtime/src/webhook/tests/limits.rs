use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{
    StreamExt,
    channel::mpsc,
    future::{BoxFuture, FutureExt},
};
use http::{Request, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::{Body, Bytes, Frame};
use serde_json::json;
use tokio::{sync::Notify, time::Instant};

use super::*;
use crate::webhook::{Admission, metrics::WebhookLabels};

fn limited(limits: Limits) -> WebhookService {
    let routes = Routes::default()
        .admission("/a", |_: &AdmissionRequest| AdmissionResponse::allow())
        .conversion(|object, _: &str| Ok::<_, std::fmt::Error>(object));
    WebhookService::new(routes, limits, WebhookMetrics::default()).unwrap()
}

/// A request whose body comes in the pieces that are sent, as long as it takes.
fn streamed(
    uri: &str,
) -> (
    mpsc::UnboundedSender<Bytes>,
    Request<impl Body<Data = Bytes, Error = Infallible> + Send + 'static>,
) {
    let (sender, pieces) = mpsc::unbounded();
    let body = StreamBody::new(pieces.map(|piece| Ok(Frame::data(piece))));
    let (head, _) = request(uri, "").into_parts();
    (sender, Request::from_parts(head, body))
}

/// A review of that many bytes at least.
fn review_of_size(bytes: usize) -> String {
    review(&json!({ "padding": "x".repeat(bytes) })).to_string()
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_isnt_read() {
    let service = limited(Limits {
        admission_body: 1000,
        ..Limits::default()
    });
    let answered = call(&service, request("/a", review_of_size(1000))).await;
    assert_eq!(answered.code, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answered.body, "the body has more than 1000 bytes\n");
    let answered = call(&service, request("/a", review_of_size(10))).await;
    assert_eq!(answered.code, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_grows_too_large_isnt_read_on() {
    let service = limited(Limits {
        admission_body: 1000,
        ..Limits::default()
    });
    let (sender, request) = streamed("/a");
    for _ in 0..2 {
        sender.unbounded_send(Bytes::from(vec![b' '; 501])).unwrap();
    }
    let answered = call(&service, request).await;
    assert_eq!(answered.code, StatusCode::PAYLOAD_TOO_LARGE);
    drop(sender);
}

#[tokio::test]
async fn conversion_has_a_limit_of_its_own() {
    let service = limited(Limits {
        admission_body: 10,
        ..Limits::default()
    });
    let review = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": { "uid": "u", "desiredAPIVersion": "v", "objects": [] },
    });
    let answered = post(&service, "/convert", &review).await;
    assert_eq!(answered.code, StatusCode::OK);
}

#[tokio::test]
async fn all_bodies_together_are_bounded() {
    let service = limited(Limits {
        bodies: 2000,
        ..Limits::default()
    });
    let (sender, first) = streamed("/a");
    let review = review_of_size(1000);
    sender.unbounded_send(review.clone().into()).unwrap();
    let mut first = Box::pin(call(&service, first));
    assert!(first.as_mut().now_or_never().is_none());

    let answered = call(&service, request("/a", review_of_size(1000))).await;
    assert_eq!(answered.code, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answered.headers[header::RETRY_AFTER], "1");

    drop(sender);
    assert_eq!(first.await.code, StatusCode::OK);
    let answered = call(&service, request("/a", review)).await;
    assert_eq!(answered.code, StatusCode::OK);
}

/// Answers when it is told to.
struct Waits(Arc<Notify>);

impl Admission for Waits {
    fn admit<'a>(&'a self, _: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async {
            self.0.notified().await;
            AdmissionResponse::allow()
        }
        .boxed()
    }
}

fn waiting(limits: Limits, metrics: WebhookMetrics) -> (Arc<Notify>, WebhookService) {
    let go = Arc::new(Notify::new());
    let routes = Routes::default()
        .admission("/a", Waits(Arc::clone(&go)))
        .admission_within("/b", Duration::from_secs(2), Waits(Arc::clone(&go)));
    let service = WebhookService::new(routes, limits, metrics).unwrap();
    (go, service)
}

#[tokio::test]
async fn a_request_above_the_limit_is_told_to_come_again() {
    let limits = Limits {
        requests: 1,
        ..Limits::default()
    };
    let (go, service) = waiting(limits, WebhookMetrics::default());
    let review = review(&json!({}));
    let mut first = Box::pin(post(&service, "/a", &review));
    assert!(first.as_mut().now_or_never().is_none());

    let answered = post(&service, "/a", &review).await;
    assert_eq!(answered.code, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answered.headers[header::RETRY_AFTER], "1");
    assert_eq!(answered.body, "too many requests at once, come again\n");

    go.notify_one();
    assert_eq!(first.await.code, StatusCode::OK);
    go.notify_one();
    assert_eq!(post(&service, "/a", &review).await.code, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_still_coming_takes_nobodys_place() {
    let service = limited(Limits {
        requests: 1,
        ..Limits::default()
    });
    let (_sender, slow) = streamed("/a");
    let mut slow = Box::pin(call(&service, slow));
    assert!(slow.as_mut().now_or_never().is_none());
    let answered = post(&service, "/a", &review(&json!({}))).await;
    assert_eq!(answered.code, StatusCode::OK);
}

#[rstest::rstest]
#[case::asked_for("/a?timeout=3s", 2_700)]
#[case::unless_it_is_said("/a", 10_000)]
#[case::of_the_route("/b", 2_000)]
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_late_is_504_before_the_caller_gives_up(
    #[case] uri: &str,
    #[case] milliseconds: u64,
) {
    let (_, service) = waiting(Limits::default(), WebhookMetrics::default());
    let start = Instant::now();
    let answered = post(&service, uri, &review(&json!({}))).await;
    let time = Duration::from_millis(milliseconds);
    assert_eq!(answered.code, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answered.body, format!("no answer within {time:?}\n"));
    assert!(start.elapsed() >= time && start.elapsed() < time + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_doesnt_come_is_given_up() {
    let service = limited(Limits::default());
    let (_sender, request) = streamed("/a?timeout=1s");
    let answered = call(&service, request).await;
    assert_eq!(answered.code, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let limits = Limits {
        requests: 1,
        bodies: 1000,
        ..Limits::default()
    };
    let metrics = WebhookMetrics::default();
    let (go, service) = waiting(limits, metrics.clone());
    let review = review(&json!({}));
    let mut first = Box::pin(post(&service, "/a", &review));
    assert!(first.as_mut().now_or_never().is_none());
    let labels = WebhookLabels {
        webhook: "/a".to_owned(),
    };
    assert_eq!(metrics.in_flight.get_or_create(&labels).get(), 1);

    drop(first);
    assert_eq!(metrics.in_flight.get_or_create(&labels).get(), 0);
    let mut second = Box::pin(post(&service, "/a", &review));
    let answered = loop {
        // The first request may have been computing just now, and have taken the permit.
        go.notify_one();
        tokio::select! {
            answered = &mut second => break answered,
            () = tokio::task::yield_now() => {}
        }
    };
    assert_eq!(answered.code, StatusCode::OK);
}

/// DV-PF24. A body is cut off when it has brought less than it must have by then, however busy it looks.
#[tokio::test(start_paused = true)]
async fn a_body_that_comes_too_slowly_is_given_up() {
    let service = limited(Limits {
        body_grace: Duration::from_secs(2),
        body_rate: 1000,
        ..Limits::default()
    });
    let (sender, request) = streamed("/a");
    let start = Instant::now();
    tokio::spawn(async move {
        while sender.unbounded_send(Bytes::from(vec![b' '; 100])).is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let answered = call(&service, request).await;
    assert_eq!(answered.code, StatusCode::REQUEST_TIMEOUT);
    assert!(
        answered.body.starts_with("the body comes too slowly: "),
        "{}",
        answered.body
    );
    // 100 bytes each half a second are 200 a second: the grace is used up after 2.5 s.
    assert!(start.elapsed() < Duration::from_secs(3));
}

/// DV-PF24. An answer counts until it has been taken, and the work of who went away until it ends.
#[tokio::test]
async fn an_answer_that_nobody_has_taken_counts() {
    let service = limited(Limits {
        bodies: 2000,
        ..Limits::default()
    });
    let review = review_of_size(1000);
    let untaken = service.answer(request("/a", review.clone())).await;
    assert_eq!(untaken.status(), StatusCode::OK);
    let answered = call(&service, request("/a", review.clone())).await;
    assert_eq!(answered.code, StatusCode::TOO_MANY_REQUESTS);
    drop(untaken);
    let answered = call(&service, request("/a", review)).await;
    assert_eq!(answered.code, StatusCode::OK);
}

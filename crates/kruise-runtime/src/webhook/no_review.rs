//! Requests that get no review for an answer. The API server takes each of these for a webhook that
//! can't be called, so that the webhook's `failurePolicy` decides.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Bytes;

use super::request::ReviewError;
use crate::api::error::chain;

/// Why a request gets no review.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoReview {
    #[error("nothing is served at this path")]
    NotFound,
    #[error("only POST is answered here")]
    Method,
    #[error("only application/json is answered here")]
    ContentType,
    #[error("the body has more than {largest} bytes")]
    TooLarge { largest: usize },
    #[error("too many bytes of requests at once, come again")]
    TooManyBytes,
    #[error("too many requests at once, come again")]
    TooManyRequests,
    #[error("the body comes too slowly: {bytes} bytes in {time:?}")]
    Slow { bytes: usize, time: Duration },
    #[error("the body broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Unreadable(#[from] ReviewError),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("the handler panicked")]
    Panicked,
    #[error("this can't be decided now: {0}")]
    Undecided(String),
    #[error("the answer can't be written")]
    Unwritable(#[source] serde_json::Error),
}

impl NoReview {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyBytes | Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Late(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Panicked | Self::Unwritable(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Undecided(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn into_answer(self) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::new(format!("{}\n", chain(&self)).into()));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        match self {
            Self::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // client-go, which the API server calls webhooks with, repeats a request whose answer has
            // this header.
            Self::TooManyBytes | Self::TooManyRequests | Self::Undecided(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        answer
    }
}

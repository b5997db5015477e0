//! How requests are made and sent: when they may go out, how long they may take, and what is counted.

use std::{sync::atomic::Ordering, time::Duration};

use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use kruise_api::resource::Resource;
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApiClient, WRITE_TIMEOUT};
use crate::{
    api::error::ApiError,
    tell::metrics::{RequestLabels, WriteLabels},
};

impl ApiClient {
    pub(super) fn request(
        &self,
        call: &str,
        method: Method,
        path: String,
        content: Option<(&str, &Value)>,
    ) -> Result<Request<Body>, ApiError> {
        let impossible = |source| ApiError::Request {
            call: call.to_owned(),
            source,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, JSON);
        let mut body = Vec::new();
        if let Some((content_type, value)) = content {
            request = request.header(header::CONTENT_TYPE, content_type);
            let json = serde_json::to_string(value).map_err(|error| impossible(error.into()))?;
            body = kruise_api::json::escape_as_go(&json).into_bytes();
        }
        request = request.header(header::USER_AGENT, &*self.field_manager);
        request
            .body(Body::from(body))
            .map_err(|error| impossible(error.into()))
    }

    pub(super) async fn write(
        &self,
        verb: &str,
        resource: &Resource,
        call: &str,
        request: Request<Body>,
    ) -> Result<Vec<u8>, ApiError> {
        self.permission.check(call)?;
        tokio::select! {
            biased;
            () = self.limits.token() => {}
            error = self.permission.withheld(call) => return Err(error),
        }
        // Checked after the wait, too: what counts is the time at which the request goes out.
        self.permission.check(call)?;
        let answer = within(WRITE_TIMEOUT, call, self.send_and_read(call, request)).await;
        let code = match &answer {
            Ok(_) => "2xx",
            Err(error) => error.category(),
        };
        self.metrics
            .writes
            .get_or_create(&WriteLabels {
                verb: verb.to_owned(),
                kind: resource.kind.to_owned(),
                code: code.to_owned(),
            })
            .inc();
        answer
    }

    /// Sends a request that changes nothing: limits, time-out, body. A caller who may no longer send stops waiting
    /// for the answer.
    pub(super) async fn send_within(
        &self,
        timeout: Duration,
        call: &str,
        request: Request<Body>,
    ) -> Result<Vec<u8>, ApiError> {
        self.permission.check(call)?;
        let answer = async {
            self.limits.token().await;
            within(timeout, call, self.send_and_read(call, request)).await
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            error = self.permission.withheld(call) => Err(error),
        }
    }

    pub(super) async fn send_and_read(
        &self,
        call: &str,
        request: Request<Body>,
    ) -> Result<Vec<u8>, ApiError> {
        let body = self.send(call, request).await?.into_body();
        collect(call, body).await
    }

    pub(super) async fn send(
        &self,
        call: &str,
        request: Request<Body>,
    ) -> Result<http::Response<Body>, ApiError> {
        let method = request.method().to_string();
        let sent = self.client.send(request).await;
        let code = match &sent {
            Ok(response) => response.status().as_u16().to_string(),
            Err(_) => "<error>".to_owned(),
        };
        let host = self.host.to_string();
        self.metrics
            .requests
            .get_or_create(&RequestLabels { code, method, host })
            .inc();
        let response = sent.map_err(|error| ApiError::Ambiguous {
            call: call.to_owned(),
            message: "no answer".to_owned(),
            code: None,
            source: Some(error.into()),
        })?;
        self.answered.store(true, Ordering::Relaxed);
        let code = response.status();
        if code.is_success() {
            return Ok(response);
        }
        let body = collect(call, response.into_body()).await?;
        Err(ApiError::from_body(call.to_owned(), code, &body))
    }
}

pub(super) const JSON: &str = "application/json";

pub(super) fn set_accept(request: &mut Request<Body>, accept: &'static str) {
    let accept = HeaderValue::from_static(accept);
    request.headers_mut().insert(header::ACCEPT, accept);
}

pub(super) async fn within<T>(
    timeout: Duration,
    call: &str,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::time::timeout(timeout, answer)
        .await
        .unwrap_or_else(|elapsed| {
            Err(ApiError::Ambiguous {
                call: call.to_owned(),
                message: format!("no answer within {timeout:?}"),
                code: None,
                source: Some(elapsed.into()),
            })
        })
}

async fn collect(call: &str, body: Body) -> Result<Vec<u8>, ApiError> {
    let collected = body.collect().await.map_err(|error| ApiError::Ambiguous {
        call: call.to_owned(),
        message: "the answer broke off".to_owned(),
        code: None,
        source: Some(error.into()),
    })?;
    Ok(collected.to_bytes().to_vec())
}

pub(super) fn parse<T: DeserializeOwned>(call: &str, body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Answer {
        call: call.to_owned(),
        source: error.into(),
    })
}

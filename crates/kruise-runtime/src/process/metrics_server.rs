//! The server of metrics.

use std::{net::SocketAddr, sync::Arc};

use http::{Request, StatusCode};
use hyper::body::Incoming;
use prometheus_client::registry::Registry;

use crate::{
    process::http_server::{Answer, Handler, answer, text},
    tell::metrics,
};

/// `/metrics`.
pub(crate) struct MetricsServer(pub(crate) Arc<Registry>);

impl Handler for MetricsServer {
    async fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> Answer {
        if request.uri().path() != "/metrics" {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        let registry = Arc::clone(&self.0);
        // With thousands of objects, metrics are megabytes.
        let encoded = tokio::task::spawn_blocking(move || metrics::encode(&registry)).await;
        let error = match encoded {
            Ok(Ok(body)) => {
                let content_type = prometheus_client::encoding::prometheus_text::CONTENT_TYPE;
                return answer(StatusCode::OK, content_type, body);
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
    }
}

//! How the plain HTTP servers of a process serve. Anyone in the cluster's network can reach them, so connections are
//! bounded in number and each in time. A connection has one request.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    accept::accept,
    webhook::connections::{Bounds, Connections},
};

/// A client that doesn't finish its request within this time is cut off.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a request and its answer, all in all. Prometheus waits 10 s for metrics unless told otherwise.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Kubelets ask once or twice a second, each time with a new connection, and few clients scrape metrics.
const BOUNDS: Bounds = Bounds {
    all: 128,
    of_a_peer: 64,
    handshakes: 128,
};
/// Pause after a failed accept: most likely no file descriptor is left, and trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type Answer = Response<Full<Bytes>>;

/// Binds an address as Go writes it: `:8080` is every interface, of both IP versions where there are
/// two. `None` for `0` and the empty address, which turn a server off.
pub(crate) async fn bind(address: &str) -> std::io::Result<Option<TcpListener>> {
    if address.is_empty() || address == "0" {
        return Ok(None);
    }
    let Some(port) = address.strip_prefix(':') else {
        return TcpListener::bind(address).await.map(Some);
    };
    match TcpListener::bind(format!("[::]:{port}")).await {
        Ok(listener) => Ok(Some(listener)),
        Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await.map(Some),
    }
}

/// Serves until the process ends. `name` is for people.
pub(crate) async fn serve<H>(name: &'static str, listener: TcpListener, handler: Arc<H>)
where
    H: Handler,
{
    let seats = Connections::new(name, BOUNDS);
    loop {
        let (stream, peer) = match accept(&listener).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(seat) = seats.seat(peer.ip()) else {
            continue;
        };
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let answered = answer_one(stream, peer, handler);
            let ended = tokio::select! {
                ended = timeout(CONNECTION_TIMEOUT, answered) => ended,
                () = seat.taken_away() => {
                    return tracing::debug!("too many connections, closing one");
                }
            };
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection broke off"),
                Err(_) => tracing::debug!("a peer is too slow, cutting it off"),
            }
        });
    }
}

async fn answer_one<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<H>,
) -> hyper::Result<()> {
    let handler = &*handler;
    let service = service_fn(move |request| async move {
        Ok::<_, std::convert::Infallible>(handler.answer(request, peer).await)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

pub(crate) trait Handler: Send + Sync + 'static {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Answer> + Send;
}

pub(crate) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let value = http::HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, value);
    response
}

pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    answer(status, "text/plain; charset=utf-8", body)
}

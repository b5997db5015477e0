//! One connection, from the handshake to its end.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Version, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{
    activity::{Activity, Busy, Observed},
    service::WebhookService,
};
use crate::webhook::connections::Seat;

/// How often a peer is pinged, as the API server does it. A peer that is gone without a word is noticed by this.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests at once on one connection by HTTP/2. A client with more requests opens another connection. Without this
/// bound, the heads of tens of thousands of requests would be held whose bodies don't come.
const STREAMS: u32 = 32;
/// Bytes of a request's head: the least that hyper allows for HTTP/1. The API server's heads have some hundred bytes.
const HEADER_BYTES: usize = 8 * 1024;

/// What a connection needs.
pub(crate) struct Connection {
    pub(crate) tls: TlsAcceptor,
    pub(crate) service: WebhookService,
    pub(crate) seat: Seat,
    /// Cancelled at the signal to stop: clients are asked to go elsewhere.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when the server stops.
    pub(crate) closing: CancellationToken,
}

impl Connection {
    pub(crate) async fn serve(self, stream: TcpStream) {
        let handshake = timeout(self.service.limits().handshake, self.tls.accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = self.seat.taken_away() => {
                return tracing::debug!("too many connections, giving a TLS handshake up");
            }
        };
        match shaken {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            // Probes of the port end like this, and callers that don't trust the certificate.
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve_http(self, stream: TlsStream<TcpStream>) {
        let Self {
            service,
            seat,
            leaving,
            closing,
            ..
        } = self;
        seat.has_shaken_hands();
        let limits = service.limits().clone();
        let is_http2 = is_http2(&stream);
        let builder = builder(is_http2);
        let activity = Arc::new(Activity::seated(seat));
        let on_request = service_fn(|request: Request<Incoming>| {
            let busy = Busy::new(&activity);
            let request = request.map(|body| busy.body(body));
            let service = service.clone();
            let leaving = leaving.clone();
            async move {
                let is_http1 = request.version() < Version::HTTP_2;
                let mut answer = service.answer(request).await;
                drop(busy);
                // HTTP/1 has no GOAWAY: a request that meets a connection that is just being closed
                // is lost, and a POST isn't sent again. So a client hears beforehand that this was
                // the last answer; whoever asks nothing for all that time has nothing to lose.
                if is_http1 && leaving.is_cancelled() {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let observed = Observed {
            stream,
            activity: Arc::clone(&activity),
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(observed), on_request));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = activity.head_overdue(limits.header), if !is_http2 => {
                return tracing::debug!("a request's head doesn't come, cutting the peer off");
            }
            () = activity.answer_untaken(limits.taking) => {
                return tracing::debug!("a peer doesn't take its answer, cutting it off");
            }
            () = activity.seat_taken_away() => {
                return tracing::debug!("too many connections, closing an idle one");
            }
            () = closing.cancelled() => None,
            () = activity.idle_for(limits.idle) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = activity.seat_taken_away() => {
                        return tracing::debug!("too many connections, closing one that ends");
                    }
                    () = activity.idle_for(limits.linger) => {
                        return tracing::debug!("a peer doesn't hang up, cutting it off");
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// Whether the handshake has agreed on HTTP/2; a client that names no protocol means HTTP/1.
fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    let (_, session) = stream.get_ref();
    session.alpn_protocol() == Some(b"h2")
}

fn builder(is_http2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // This timeout would also run while a connection is idle, and so close it under the API server's hands.
        .header_read_timeout(None)
        .max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32);
    if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}

//! One connection, from the handshake to its end.

use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Version, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{limits::Limits, service::WebhookService};

/// A peer that is gone without a word is noticed by this, as the API server does it.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests at once on one connection: an API server has only one for each webhook.
const STREAMS: u32 = 250;
const HEADER_BYTES: usize = 16 * 1024;

/// What a connection needs.
pub(crate) struct Connection {
    pub(crate) tls: TlsAcceptor,
    pub(crate) service: WebhookService,
    /// Cancelled at the signal to stop: clients are asked to go elsewhere.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when the server stops.
    pub(crate) closing: CancellationToken,
}

impl Connection {
    pub(crate) async fn serve(self, stream: TcpStream) {
        let handshake = timeout(self.service.limits().handshake, self.tls.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            // Probes of the port end like this, and callers that don't trust the certificate.
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve_http(self, stream: TlsStream<TcpStream>) {
        let Self {
            service,
            leaving,
            closing,
            ..
        } = self;
        let limits = service.limits().clone();
        let builder = builder(&limits, &stream);
        let activity = Arc::new(Activity::default());
        let on_request = service_fn(|request: Request<Incoming>| {
            let busy = Busy::new(&activity);
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
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), on_request));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = closing.cancelled() => None,
            () = activity.idle_for(limits.idle) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
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

/// Speaks what the handshake has agreed on; a client that names no protocol means HTTP/1.
fn builder(limits: &Limits, stream: &TlsStream<TcpStream>) -> auto::Builder<TokioExecutor> {
    let (_, session) = stream.get_ref();
    let is_http2 = session.alpn_protocol() == Some(b"h2");
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
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

/// Whether anything has been asked lately.
#[derive(Default)]
struct Activity {
    running: AtomicUsize,
    begun: AtomicUsize,
}

impl Activity {
    /// Returns after that time without a request, at the latest after twice that time.
    async fn idle_for(&self, time: Duration) {
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            sleep(time).await;
            let none_began = self.begun.load(Ordering::Relaxed) == begun;
            if none_began && self.running.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }
}

/// A request that is being answered.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_runs_or_begins_for_a_while() {
        let activity = Arc::new(Activity::default());
        let start = Instant::now();
        let running = Busy::new(&activity);
        tokio::spawn(async move {
            sleep(IDLE * 3 / 2).await;
            drop(running);
        });
        activity.idle_for(IDLE).await;
        assert_eq!(start.elapsed(), IDLE * 2);

        drop(Busy::new(&activity));
        let again = Arc::clone(&activity);
        tokio::spawn(async move {
            sleep(IDLE / 2).await;
            drop(Busy::new(&again));
        });
        activity.idle_for(IDLE).await;
        assert_eq!(start.elapsed(), IDLE * 4);
    }
}

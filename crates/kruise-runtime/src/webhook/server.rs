//! The TLS server around the service: accepts connections, and stops without losing a request.

use std::{sync::Arc, time::Duration};

use rustls::{server::NoServerSessionStorage, server::ResolvesServerCert};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection, error::ServerError, limits::Limits, metrics::WebhookMetrics,
    routes::Routes, service::WebhookService,
};
use crate::{
    accept::accept,
    webhook::connections::{Bounds, Connections},
};

/// Pause after a failed accept: out of file descriptors, most likely, and trying at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves webhooks.
pub(crate) struct Server {
    service: WebhookService,
    tls: TlsAcceptor,
}

impl Server {
    /// A server of these routes. Each handshake shows the certificate that the resolver has then, and
    /// fails while it has none.
    ///
    /// # Errors
    /// When two routes have the same path, or TLS can't be set up.
    pub(crate) fn new(
        routes: Routes,
        certificates: Arc<dyn ResolvesServerCert>,
        limits: Limits,
        metrics: WebhookMetrics,
    ) -> Result<Self, ServerError> {
        Ok(Self {
            service: WebhookService::new(routes, limits, metrics)?,
            tls: acceptor(certificates)?,
        })
    }

    /// Serves until some time after `stop`. The caller has said by then that it isn't ready. For [`Limits::serve_on`]
    /// after `stop` new connections are still taken, and each answer by HTTP/1 is the last of its connection. After
    /// that nothing new is taken, clients are told to go (HTTP/2 GOAWAY), and requests in flight have
    /// [`Limits::finish_within`] to finish.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let limits = self.service.limits().clone();
        let closing = CancellationToken::new();
        let mut connections = JoinSet::new();
        let bounds = Bounds {
            all: limits.connections,
            of_a_peer: limits.connections_of_a_peer,
            handshakes: limits.handshakes,
        };
        let seats = Connections::new("webhook", bounds);
        let last_call = async {
            stop.cancelled().await;
            sleep(limits.serve_on).await;
        };
        tokio::pin!(last_call);
        loop {
            let accepted = tokio::select! {
                () = &mut last_call => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener) => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(seat) = seats.seat(peer.ip()) else {
                tracing::debug!("too many connections at work, closing a new one");
                continue;
            };
            let connection = Connection {
                tls: self.tls.clone(),
                service: self.service.clone(),
                seat,
                leaving: stop.clone(),
                closing: closing.clone(),
            };
            connections.spawn(connection.serve(stream));
        }
        drop(listener);
        closing.cancel();
        let finished = timeout(limits.finish_within, async {
            while connections.join_next().await.is_some() {}
        });
        if finished.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "cutting off webhook requests"
            );
        }
    }
}

fn acceptor(certificates: Arc<dyn ResolvesServerCert>) -> Result<TlsAcceptor, ServerError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ServerError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A resumed session shows no certificate, so that nobody would see a new one.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

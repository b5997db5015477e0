//! Over real sockets, with a certificate of our own.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::webhook::{Admission, Server};

/// The certificate that is shown now.
#[derive(Debug, Default)]
struct Certificates(Mutex<Option<Arc<CertifiedKey>>>);

impl Certificates {
    /// Makes a new certificate and shows it from now on.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&key).unwrap();
        let certificate = made.cert.der().clone();
        let shown = CertifiedKey::new(vec![certificate.clone()], key);
        *self.0.lock().unwrap() = Some(Arc::new(shown));
        certificate
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap().clone()
    }
}

/// Says that it was asked, and answers when it is told to.
#[derive(Clone, Default)]
pub(super) struct Slow {
    pub(super) asked: Arc<Notify>,
    pub(super) go: Arc<Notify>,
}

impl Admission for Slow {
    fn admit<'a>(&'a self, _: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async {
            self.asked.notify_one();
            self.go.notified().await;
            AdmissionResponse::allow()
        }
        .boxed()
    }
}

pub(super) struct Running {
    address: SocketAddr,
    certificates: Arc<Certificates>,
    trusted: CertificateDer<'static>,
    pub(super) slow: Slow,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

pub(super) async fn start(limits: Limits) -> Running {
    let slow = Slow::default();
    let routes = Routes::default()
        .admission("/a", |_: &AdmissionRequest| AdmissionResponse::allow())
        .admission("/slow", slow.clone());
    Running {
        slow,
        ..start_with(limits, routes).await
    }
}

pub(super) async fn start_with(limits: Limits, routes: Routes) -> Running {
    let certificates = Arc::new(Certificates::default());
    let trusted = certificates.renew();
    let resolver = Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>;
    let server = Server::new(routes, resolver, limits, WebhookMetrics::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn(server.serve(listener, stop.clone()));
    Running {
        address,
        certificates,
        trusted,
        slow: Slow::default(),
        stop,
        server,
    }
}

/// Stops at once, without waiting for anything but requests.
fn abrupt() -> Limits {
    Limits {
        serve_on: Duration::ZERO,
        ..Limits::default()
    }
}

impl Running {
    pub(super) async fn connect(
        &self,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_from("127.0.0.1:0".parse().unwrap(), protocols)
            .await
    }

    pub(super) async fn connect_from(
        &self,
        from: SocketAddr,
        protocols: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let socket = TcpSocket::new_v4()?;
        socket.bind(from)?;
        let stream = socket.connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    pub(super) async fn http2(&self) -> Client {
        let stream = TokioIo::new(self.connect(&["h2"]).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        Client {
            sender: Sender::Http2(sender),
            connection: tokio::spawn(connection.map(|ended| ended.is_ok())),
        }
    }

    pub(super) async fn http1(&self) -> Client {
        let stream = TokioIo::new(self.connect(&["http/1.1"]).await.unwrap());
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        Client {
            sender: Sender::Http1(sender),
            connection: tokio::spawn(connection.map(|ended| ended.is_ok())),
        }
    }

    async fn client(&self, protocol: &str) -> Client {
        match protocol {
            "h2" => self.http2().await,
            _ => self.http1().await,
        }
    }

    /// Whether the server takes no connection any more, or closes it unanswered.
    pub(super) async fn is_closed(&self) -> bool {
        self.connect(&["h2"]).await.is_err()
    }
}

pub(super) struct Client {
    sender: Sender,
    /// Ends with the connection: true if in order.
    connection: JoinHandle<bool>,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(super) async fn send(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let uri = format!("https://localhost{path}");
        let request = request(&uri, review(&json!({})).to_string());
        match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }

    pub(super) async fn post(&mut self, path: &str) -> StatusCode {
        self.send(path).await.unwrap().status()
    }
}

#[rstest::rstest]
#[case("h2")]
#[case("http/1.1")]
#[tokio::test]
async fn both_protocols_answer_on_one_connection(#[case] protocol: &str) {
    let running = start(Limits::default()).await;
    let mut client = running.client(protocol).await;
    for (path, code) in [("/a", 200), ("/nowhere", 404), ("/a?timeout=1s", 200)] {
        assert_eq!(client.post(path).await.as_u16(), code);
    }
}

#[rstest::rstest]
#[case(&["h2", "http/1.1"], Some("h2"))]
#[case(&["http/1.1", "h2"], Some("h2"))]
#[case(&["http/1.1"], Some("http/1.1"))]
#[case(&[], None)]
#[tokio::test]
async fn http2_is_preferred(#[case] offered: &[&str], #[case] agreed: Option<&str>) {
    let running = start(Limits::default()).await;
    let mut stream = running.connect(offered).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.alpn_protocol(), agreed.map(str::as_bytes));
    if agreed.is_none() {
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections() {
    let mut running = start(Limits::default()).await;
    let mut old = running.http2().await;
    assert_eq!(old.post("/a").await, StatusCode::OK);
    let renewed = running.certificates.renew();
    assert!(running.connect(&["h2"]).await.is_err());
    running.trusted = renewed;
    assert_eq!(running.http2().await.post("/a").await, StatusCode::OK);
    assert_eq!(old.post("/a").await, StatusCode::OK);
}

#[tokio::test]
async fn without_a_certificate_the_handshake_fails() {
    let mut running = start(Limits::default()).await;
    *running.certificates.0.lock().unwrap() = None;
    assert!(running.connect(&["h2"]).await.is_err());
    running.trusted = running.certificates.renew();
    assert_eq!(running.http1().await.post("/a").await, StatusCode::OK);
}

#[rstest::rstest]
#[case("h2")]
#[case("http/1.1")]
#[tokio::test]
async fn a_slow_request_is_finished_at_shutdown(#[case] protocol: &str) {
    let running = start(abrupt()).await;
    let mut client = running.client(protocol).await;
    let answer = tokio::spawn(async move {
        let code = client.post("/slow").await;
        (code, client)
    });
    running.slow.asked.notified().await;
    running.stop.cancel();
    while !running.is_closed().await {}
    assert!(!running.server.is_finished());

    running.slow.go.notify_one();
    let (code, mut client) = answer.await.unwrap();
    assert_eq!(code, StatusCode::OK);
    running.server.await.unwrap();
    assert!(client.connection.await.unwrap());
    assert!(client.sender.is_refused().await);
}

impl Sender {
    async fn is_refused(&mut self) -> bool {
        let request = request("https://localhost/a", "{}");
        match self {
            Self::Http1(sender) => sender.send_request(request).await.is_err(),
            Self::Http2(sender) => sender.send_request(request).await.is_err(),
        }
    }
}

#[tokio::test]
async fn idle_connections_dont_hold_up_the_shutdown() {
    let running = start(abrupt()).await;
    let mut clients = [running.http2().await, running.http1().await];
    for client in &mut clients {
        assert_eq!(client.post("/a").await, StatusCode::OK);
    }
    running.stop.cancel();
    running.server.await.unwrap();
    for client in clients {
        assert!(client.connection.await.unwrap());
    }
}

#[tokio::test]
async fn peers_that_say_nothing_dont_hold_up_the_shutdown() {
    let limits = Limits {
        linger: Duration::from_millis(20),
        finish_within: Duration::from_secs(3600),
        ..abrupt()
    };
    let running = start(limits).await;
    let silent = [
        running.connect(&["h2"]).await.unwrap(),
        running.connect(&["http/1.1"]).await.unwrap(),
    ];
    running.stop.cancel();
    running.server.await.unwrap();
    for stream in silent {
        assert!(hangs_up(stream).await);
    }
}

#[tokio::test]
async fn new_connections_are_taken_for_a_while_after_the_signal() {
    let limits = Limits {
        serve_on: Duration::from_secs(3600),
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut old = running.http2().await;
    running.stop.cancel();
    for _ in 0..3 {
        assert_eq!(running.http2().await.post("/a").await, StatusCode::OK);
        assert_eq!(old.post("/a").await, StatusCode::OK);
    }
}

/// Otherwise the server would close the connection at some later moment, and a request that is under way
/// then would be lost.
#[tokio::test]
async fn after_the_signal_an_answer_by_http1_is_the_last_of_its_connection() {
    let limits = Limits {
        serve_on: Duration::from_secs(3600),
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut kept = running.http1().await;
    let answer = kept.send("/a").await.unwrap();
    assert_eq!(answer.headers().get("connection"), None);
    drop(answer);
    running.stop.cancel();
    for mut client in [kept, running.http1().await] {
        let answer = client.send("/a").await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["connection"], "close");
        drop(answer);
        assert!(client.connection.await.unwrap());
    }
}

#[tokio::test]
async fn a_request_that_doesnt_end_is_cut_off_at_shutdown() {
    let limits = Limits {
        finish_within: Duration::from_millis(20),
        ..abrupt()
    };
    let running = start(limits).await;
    let mut client = running.http2().await;
    let answer = tokio::spawn(async move { client.send("/slow").await });
    running.slow.asked.notified().await;
    running.stop.cancel();
    running.server.await.unwrap();
    assert!(answer.await.unwrap().is_err());
}

/// Reads until the server hangs up.
pub(super) async fn hangs_up(mut stream: impl tokio::io::AsyncRead + Unpin) -> bool {
    let mut rest = vec![];
    let read = stream.read_to_end(&mut rest);
    tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .is_ok()
}

#[tokio::test]
async fn a_handshake_that_doesnt_come_is_given_up() {
    let limits = Limits {
        handshake: Duration::from_millis(20),
        ..Limits::default()
    };
    let running = start(limits).await;
    let stream = TcpStream::connect(running.address).await.unwrap();
    assert!(hangs_up(stream).await);
}

#[tokio::test]
async fn a_head_that_doesnt_end_is_given_up() {
    let limits = Limits {
        header: Duration::from_millis(20),
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut stream = running.connect(&["http/1.1"]).await.unwrap();
    stream
        .write_all(b"POST /a HTTP/1.1\r\nHost: ")
        .await
        .unwrap();
    assert!(hangs_up(stream).await);
}

/// The API server keeps connections for 90 s without a request, and loses the one that it sends while we
/// close.
#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let limits = Limits {
        // Long enough for a request on a busy machine.
        header: Duration::from_secs(1),
        ..Limits::default()
    };
    let running = start(limits).await;
    let mut kept = running.http1().await;
    assert_eq!(kept.post("/a").await, StatusCode::OK);
    let silent = running.connect(&["http/1.1"]).await.unwrap();
    assert!(hangs_up(silent).await);
    assert_eq!(kept.post("/a").await, StatusCode::OK);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(20),
        ..Limits::default()
    };
    let running = start(limits).await;
    let client = running.http2().await;
    assert!(client.connection.await.unwrap());
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_said_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(20),
        linger: Duration::from_millis(20),
        ..Limits::default()
    };
    let running = start(limits).await;
    let silent = running.connect(&["h2"]).await.unwrap();
    assert!(hangs_up(silent).await);
}

#[tokio::test]
async fn plain_http_is_hung_up_on() {
    let running = start(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert!(hangs_up(stream).await);
}

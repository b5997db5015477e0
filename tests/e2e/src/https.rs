//! An HTTPS server in the test's process, for what the API server calls.

use std::{convert::Infallible, future::Future, net::IpAddr, sync::Arc};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// The server. It serves until it is dropped.
pub(crate) struct Https {
    pub(crate) port: u16,
    /// Its certificate, in PEM, which is its own authority.
    pub(crate) certificate: String,
    serving: JoinHandle<()>,
}

impl Https {
    /// Listens at this address, under this name. `answer` is given the path and the body of a request; nothing is an
    /// answer of 404.
    pub(crate) async fn serve<Answer, Answering>(
        address: IpAddr,
        name: &str,
        answer: Answer,
    ) -> Self
    where
        Answer: Fn(String, Bytes) -> Answering + Send + Sync + 'static,
        Answering: Future<Output = Option<Value>> + Send + 'static,
    {
        let listener = TcpListener::bind((address, 0)).await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a TLS configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self {
            port,
            certificate: made.cert.pem(),
            serving: tokio::spawn(accept(listener, acceptor, Arc::new(answer))),
        }
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept<Answer, Answering>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    answer: Arc<Answer>,
) where
    Answer: Fn(String, Bytes) -> Answering + Send + Sync + 'static,
    Answering: Future<Output = Option<Value>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.expect("accept a connection");
        let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond<Answer, Answering>(
    request: Request<Incoming>,
    answer: Arc<Answer>,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    Answer: Fn(String, Bytes) -> Answering,
    Answering: Future<Output = Option<Value>>,
{
    let path = request.uri().path().to_owned();
    // A body that breaks off has no answer; whoever sent it is gone.
    let answer = match request.into_body().collect().await {
        Ok(body) => answer(path, body.to_bytes()).await,
        Err(_) => None,
    };
    let mut response = Response::new(Full::from(answer.clone().unwrap_or_default().to_string()));
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    if answer.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

//! Connections to the API server that have died unnoticed, over real sockets.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::sync::CancellationToken;

use super::election::{Leases, config};
use crate::{
    ApiClient, LeaderState, Metrics,
    api::connect::connect,
    leader::election::{Election, ElectionConfig},
    test_server::{Answer, Call},
};

/// An API server that has leases.
#[derive(Clone, Default)]
struct Server {
    leases: Leases,
    connections: Arc<AtomicUsize>,
    /// How many of the first connections take requests and never answer.
    dead: Arc<AtomicUsize>,
    /// Which connection each write of a lease came by.
    writes: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    async fn serve(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let number = self.connections.fetch_add(1, Ordering::SeqCst);
            let server = self.clone();
            let service = service_fn(move |request| server.clone().answer(number, request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }

    async fn answer(
        self,
        connection: usize,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        if connection < self.dead.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let call = Call {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: String::new(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        if call.method == Method::PATCH {
            self.writes.lock().unwrap().push(connection);
        }
        let Answer::Json(code, answer) = self.leases.answer(&call) else {
            return std::future::pending().await;
        };
        let answer = Full::new(Bytes::from(answer.to_string()));
        Ok(Response::builder().status(code).body(answer).unwrap())
    }
}

/// PF-107. A request that is sent on a dead connection is lost, and so is the time until that is noticed.
#[tokio::test]
async fn a_lease_is_kept_when_the_connections_that_it_uses_have_died() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::default();
    tokio::spawn(server.clone().serve(listener));
    let api_server = kube::Config::new(format!("http://{address}").parse().unwrap());
    let client = connect(&api_server, &Handle::current()).unwrap();
    let client = ApiClient::new(client, "test", Metrics::unregistered());
    let config = ElectionConfig {
        retry_period: Duration::from_millis(20),
        allow_kruise_manager: true,
        ..config()
    };
    let election = Election::new(config, client, Metrics::unregistered());
    let mut state = election.leadership().subscribe();
    tokio::spawn(election.run(CancellationToken::new()));
    let leads = |state: &LeaderState| *state != LeaderState::Standby;
    state.wait_for(leads).await.unwrap();

    let dead = server.connections.load(Ordering::SeqCst);
    server.dead.store(dead, Ordering::SeqCst);
    let has_ended = async { state.changed().await.unwrap() };
    let is_renewed = async {
        while server.writes.lock().unwrap().last() < Some(&dead) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = is_renewed => {}
        () = has_ended => panic!("the lease was lost"),
    }
}

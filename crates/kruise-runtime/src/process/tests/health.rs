//! The health and metrics servers over real sockets.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use prometheus_client::registry::Registry;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    leader::election::{Election, ElectionConfig},
    process::{
        health::{HealthServer, Readiness},
        http_server::{HEADER_TIMEOUT, bind, serve},
        logging::LogLevel,
        metrics_server::MetricsServer,
        pulse::Pulse,
    },
    tell::metrics::Metrics,
    test_server::{Answer, TestServer},
    watch::{shared::Watching, store::Store, watcher::WatchOptions},
};

/// Sends one request, and returns the whole answer.
async fn request(to: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

struct Health {
    address: SocketAddr,
    pods: Store<Pod>,
    stopping: Arc<AtomicBool>,
    pulse: Pulse,
}

async fn health() -> Health {
    let server = TestServer::new(|_| Answer::Json(200, serde_json::json!({})));
    let client = server.client();
    client
        .get(&PODS, &ObjectKey::new("ns", "any"))
        .await
        .unwrap();
    let config = ElectionConfig {
        enabled: true,
        namespace: "ns".into(),
        name: "some".into(),
        lease_duration: std::time::Duration::from_secs(15),
        renew_deadline: std::time::Duration::from_secs(10),
        retry_period: std::time::Duration::from_secs(2),
        allow_kruise_manager: true,
    };
    let election = Election::new(config, client.clone(), Metrics::unregistered());
    let pods = Store::<Pod>::new(PODS);
    let stopping = Arc::new(AtomicBool::new(false));
    let pulse = Pulse::new();
    let readiness = Readiness {
        client,
        leadership: election.leadership(),
        watches: vec![Watching {
            resource: PODS,
            namespace: String::new(),
            options: WatchOptions::default(),
            store: Arc::new(pods.clone()),
        }],
        certificates: None,
        stopping: Arc::clone(&stopping),
        started: tokio::time::Instant::now(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = HealthServer {
        readiness,
        log_level: LogLevel::default(),
        pulse: pulse.clone(),
    };
    tokio::spawn(serve("health", listener, Arc::new(handler)));
    Health {
        address,
        pods,
        stopping,
        pulse,
    }
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_alive_is_always_alive() {
    let health = health().await;
    let alive = request(health.address, "GET", "/healthz", "").await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    let early = request(health.address, "GET", "/readyz", "").await;
    assert!(early.starts_with("HTTP/1.1 503"), "{early}");
    assert!(early.contains("[-]watch-pods not yet synced"), "{early}");
    assert!(early.contains("[+]api-server ok"), "{early}");

    health.pods.replace(vec![], &[], "7");
    let ready = request(health.address, "GET", "/readyz", "").await;
    assert!(
        ready.starts_with("HTTP/1.1 200") && ready.ends_with("ok"),
        "{ready}"
    );
    let verbose = request(health.address, "GET", "/readyz?verbose", "").await;
    assert!(verbose.contains("[+]watch-pods ok"), "{verbose}");
    assert!(verbose.contains("[+]leader-election"), "{verbose}");

    health
        .stopping
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let late = request(health.address, "GET", "/readyz", "").await;
    assert!(
        late.starts_with("HTTP/1.1 503") && late.contains("[-]process stopping"),
        "{late}"
    );
}

#[tokio::test]
async fn a_log_level_that_cannot_be_read_is_refused() {
    let health = health().await;
    let refused = request(health.address, "PUT", "/loglevel", "no=such=level").await;
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    assert!(refused.contains("neither a verbosity"), "{refused}");
    let unknown = request(health.address, "GET", "/elsewhere", "").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
}

#[tokio::test]
async fn metrics_are_served_as_text() {
    let mut registry = Registry::default();
    Metrics::new(&mut registry).manager_is_leader.set(1);
    let listener = bind("127.0.0.1:0").await.unwrap().unwrap();
    let address = listener.local_addr().unwrap();
    let handler = MetricsServer(Arc::new(registry));
    tokio::spawn(serve("metrics", listener, Arc::new(handler)));
    let text = request(address, "GET", "/metrics", "").await;
    assert!(text.contains("kruise_manager_is_leader 1"), "{text}");
    assert!(text.contains("content-type: text/plain"), "{text}");
}

/// A process in which nothing moves any more must be ended, however alive the thread is that answers.
#[tokio::test]
async fn a_process_whose_tasks_get_no_turns_is_not_alive() {
    let health = health().await;
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(59)).await;
    assert_eq!(health.pulse.missing_for(), None);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    tokio::time::resume();
    let dead = request(health.address, "GET", "/healthz", "").await;
    assert!(dead.starts_with("HTTP/1.1 503"), "{dead}");
    assert!(dead.contains("no task has got a turn for 60 s"), "{dead}");

    let beat = tokio::spawn(health.pulse.beat());
    tokio::task::yield_now().await;
    let alive = request(health.address, "GET", "/healthz", "").await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    beat.abort();
}

/// DV-PF24
#[tokio::test]
async fn connections_that_say_nothing_dont_keep_a_probe_out() {
    let health = health().await;
    let mut silent = vec![];
    for _ in 0..200 {
        silent.push(TcpStream::connect(health.address).await.unwrap());
    }
    let alive = request(health.address, "GET", "/healthz", "").await;
    assert!(alive.starts_with("HTTP/1.1 200"), "{alive}");
    // All but as many connections as one peer may have were closed, long before their time for a request was over.
    for stream in silent.iter_mut().take(200 - 64) {
        let mut byte = [0];
        let closed = tokio::time::timeout(HEADER_TIMEOUT / 2, stream.read(&mut byte));
        assert_eq!(closed.await.expect("it is still open").unwrap(), 0);
    }
}

//! A process whose reconcilers keep all of their threads busy.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use http::Method;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::terms::{Command, Failure, answer, pod_names};
use crate::{
    App,
    clock::Clock,
    control::reconcile::{Outcome, Reconciler},
    leader::tests::election::Leases,
    process::{
        logging::LogLevel,
        run::Process,
        vital::{self, Vital},
    },
    test_server::TestServer,
    watch::watcher::WatchOptions,
};

const WORKERS: usize = 2;

/// Computes until it may go on.
#[derive(Clone, Default)]
struct Computing {
    begun: Arc<AtomicUsize>,
    go_on: Arc<AtomicBool>,
}

impl Reconciler for Computing {
    type Error = Failure;

    async fn reconcile(&self, _: &ObjectKey) -> Result<Outcome, Failure> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        while !self.go_on.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Outcome::default())
    }
}

/// Two runtimes, both shut down without waiting for anybody.
struct Threads {
    others: Option<Runtime>,
    vital: Option<Runtime>,
    computing: Computing,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.computing.go_on.store(true, Ordering::SeqCst);
        for runtime in [self.others.take(), self.vital.take()]
            .into_iter()
            .flatten()
        {
            runtime.shutdown_background();
        }
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: never");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn is_healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

// DV-PF24
#[test]
fn reconcilers_that_keep_all_threads_busy_cost_neither_the_lease_nor_the_probe() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let leases = Leases::default();
    let server = TestServer::new(move |call| match call.path.contains("/leases") {
        true => leases.answer(call),
        false => answer(call, &["one", "two"]),
    });
    let computing = Computing::default();
    let threads = Threads {
        others: tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()
            .ok(),
        vital: vital::thread().ok(),
        computing: computing.clone(),
    };
    let (others, vital) = (threads.others.as_ref(), threads.vital.as_ref());
    let (others, vital) = (others.unwrap(), vital.unwrap());
    let client_on = |runtime: &Runtime| {
        let _runtime = runtime.enter();
        server.kube_client()
    };
    let health = format!("--health-probe-addr=127.0.0.1:{port}");
    let often = "--leader-election-retry-period=20ms";
    let process = Process {
        args: Command::parse_from(["test", "--metrics-addr=0", &health, often]).runtime,
        apps: vec![App::new("app", move |setup| {
            let pods = setup.watch::<Pod>(PODS, WatchOptions::default());
            let queue = setup.queue("app");
            pods.on_change(&queue, pod_names);
            setup.controller("app", WORKERS, queue, computing);
            Ok(())
        })],
        client: client_on(others),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    let by = Vital {
        thread: vital.handle().clone(),
        client: client_on(vital),
    };
    others.spawn(process.run_with(by, CancellationToken::new()));

    let begun = &threads.computing.begun;
    wait_until("as many reconciles as threads", || {
        begun.load(Ordering::SeqCst) == WORKERS
    });
    let renewals = || {
        let calls = server.calls();
        let of_leases = calls.iter().filter(|call| call.path.contains("/leases"));
        of_leases
            .filter(|call| call.method == Method::PATCH)
            .count()
    };
    let before = renewals();
    wait_until("two renewals", || renewals() >= before + 2);
    assert!(is_healthy(port));
}

//! Handlers that don't come to an end, on a server with as few threads as a small node has processors.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use super::tls::{Running, start_with};
use super::*;

const WORKERS: usize = 2;

/// A runtime of its own for the server, which is ended without waiting for handlers.
struct Workers {
    runtime: Option<tokio::runtime::Runtime>,
    /// Lets all handlers go on.
    go: Arc<AtomicBool>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.go.store(true, Ordering::Relaxed);
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// A server whose handlers of `/stuck` compute until they may go on, and say when they begin.
async fn stuck_server(limits: Limits) -> (Workers, Running, mpsc::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .unwrap();
    let go = Arc::new(AtomicBool::new(false));
    let (begun, begins) = mpsc::channel();
    let compute = {
        let go = Arc::clone(&go);
        move || {
            begun.send(()).unwrap();
            while !go.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    };
    let routes = Routes::default()
        .admission("/a", |_: &AdmissionRequest| AdmissionResponse::allow())
        .admission("/stuck", move |_: &AdmissionRequest| {
            compute();
            AdmissionResponse::allow()
        })
        .conversion(|object, _: &str| Ok::<_, std::fmt::Error>(object));
    let running = runtime.spawn(start_with(limits, routes)).await.unwrap();
    let runtime = Some(runtime);
    (Workers { runtime, go }, running, begins)
}

/// What comes of it, or `None` after a while, instead of waiting for ever.
async fn soon<T>(what: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(20), what)
        .await
        .ok()
}

/// Whether the server answers at all.
async fn code(running: &Running, path: &str) -> Option<u16> {
    soon(async { running.http1().await.post(path).await.as_u16() }).await
}

// DV-PF24
#[tokio::test]
async fn handlers_that_compute_for_ever_on_as_many_as_all_threads_hold_up_nobody_else() {
    let (_workers, running, begins) = stuck_server(Limits::default()).await;
    for mut client in [running.http1().await, running.http1().await] {
        tokio::spawn(async move { client.send("/stuck").await });
    }
    let all_begin = async {
        for _ in 0..WORKERS {
            while begins.try_recv().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    assert!(soon(all_begin).await.is_some(), "a handler never began");
    assert_eq!(code(&running, "/a").await, Some(200));
    assert_eq!(code(&running, "/nowhere").await, Some(404));
}

// PF-210
#[tokio::test]
async fn whoever_waits_for_a_handler_that_computes_for_ever_is_told_in_time() {
    let (_workers, running, _begins) = stuck_server(Limits::default()).await;
    assert_eq!(code(&running, "/stuck?timeout=100ms").await, Some(504));
}

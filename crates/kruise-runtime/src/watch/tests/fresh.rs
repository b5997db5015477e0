//! Whether a store is as new as the API server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::channel::mpsc;
use kruise_api::{pod::Pod, resource::PODS};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::watching::{A_MOMENT, watch};
use crate::{
    Freshness, Store,
    test_server::{Answer, TestServer, bookmark, event, list, list_end, pod},
    watch::{store_view::StoreView, watcher::WatchOptions},
};

/// How long the API server takes for a list of metadata.
const LIST_TAKES: Duration = Duration::from_millis(50);

struct Cluster {
    server: TestServer,
    store: Store<Pod>,
    freshness: Freshness,
    events: mpsc::UnboundedSender<Value>,
    /// Version of the newest pod that is stored.
    stored: Arc<AtomicU64>,
}

/// A server with one pod, and a watch that has seen it and goes on as the test says.
async fn cluster() -> Cluster {
    let stored = Arc::new(AtomicU64::new(1));
    let newest = Arc::clone(&stored);
    let (events, lines) = mpsc::unbounded();
    let mut lines = Some(lines);
    let server = TestServer::new(move |call| {
        if call.is_watch() {
            return match lines.take() {
                Some(lines) => Answer::Stream(lines),
                None if call.is_streaming_list() => Answer::status(400, "BadRequest"),
                None => Answer::Hang,
            };
        }
        let version = newest.load(Ordering::SeqCst);
        Answer::Later(Box::pin(async move {
            sleep(LIST_TAKES).await;
            // Other kinds are written all the time, and the version of a list counts those writes too.
            Answer::Json(200, list(version + 100, &[pod("a", "ua", version)]))
        }))
    });
    let store = watch(&server, PODS, WatchOptions::default());
    for line in [event("ADDED", pod("a", "ua", 1)), list_end(1)] {
        events.unbounded_send(line).unwrap();
    }
    sleep(A_MOMENT).await;
    assert!(store.synced());
    let freshness = Freshness::new(server.client(), "", Arc::new(store.clone()));
    Cluster {
        server,
        store,
        freshness,
        events,
        stored,
    }
}

impl Cluster {
    fn n_lists(&self) -> usize {
        let calls = self.server.calls();
        calls.iter().filter(|call| !call.is_watch()).count()
    }

    async fn becomes_fresh(&self, within: Duration) -> bool {
        let fresh = timeout(within, self.freshness.as_new_as_now()).await;
        fresh.is_ok_and(|fresh| fresh.is_ok())
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_seen_all_is_fresh_whatever_else_is_written() {
    let cluster = cluster().await;
    assert!(cluster.becomes_fresh(LIST_TAKES + A_MOMENT).await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lags_behind_is_waited_for() {
    let cluster = cluster().await;
    cluster.stored.store(7, Ordering::SeqCst);
    assert!(!cluster.becomes_fresh(Duration::from_millis(400)).await);
    let later = async {
        sleep(LIST_TAKES * 2).await;
        let changed = event("MODIFIED", pod("a", "ua", 7));
        cluster.events.unbounded_send(changed).unwrap();
    };
    let within = LIST_TAKES * 2 + A_MOMENT * 2;
    let (is_fresh, ()) = tokio::join!(cluster.becomes_fresh(within), later);
    assert!(is_fresh);
    // A deletion or a bookmark tells as much.
    cluster.stored.store(9, Ordering::SeqCst);
    cluster.events.unbounded_send(bookmark(9)).unwrap();
    assert!(cluster.becomes_fresh(LIST_TAKES + A_MOMENT).await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_says_nothing_is_asked_for_a_list() {
    let cluster = cluster().await;
    cluster.stored.store(7, Ordering::SeqCst);
    assert!(cluster.becomes_fresh(Duration::from_secs(10)).await);
    assert_eq!(cluster.store.lists(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_asks_together_asks_the_server_once() {
    let cluster = cluster().await;
    let later = async {
        sleep(A_MOMENT).await;
        cluster.freshness.as_new_as_now().await
    };
    let began = Instant::now();
    let (first, second, third) = tokio::join!(
        cluster.freshness.as_new_as_now(),
        // The first list may have begun before these asked.
        cluster.freshness.as_new_as_now(),
        later
    );
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(cluster.n_lists(), 2);
    assert!(began.elapsed() >= LIST_TAKES * 2);
}

#[tokio::test(start_paused = true)]
async fn who_cant_be_asked_tells_why() {
    let server = TestServer::new(|_| Answer::status(404, "NotFound"));
    let store: Store<Pod> = Store::new(PODS);
    let freshness = Freshness::new(server.client(), "", Arc::new(store));
    let error = freshness.as_new_as_now().await.unwrap_err();
    assert_eq!(error.category(), "not_found");
}

/// A handler that takes its time.
const HANDLER_TAKES: Duration = Duration::from_millis(200);

// An index that follows the store is behind it for as long as its handler takes.
#[tokio::test]
async fn handlers_have_been_told_of_what_is_fresh() {
    let store: Store<Pod> = Store::new(PODS);
    let told = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&told);
    let (began, begun) = std::sync::mpsc::channel();
    store.on_gone(move |_| {
        began.send(()).unwrap();
        std::thread::sleep(HANDLER_TAKES);
        seen.store(7, Ordering::SeqCst);
    });
    let decoded = |version| serde_json::from_value(pod("a", "ua", version)).unwrap();
    store.apply(decoded(1));
    store.replace(vec![decoded(1)], &[], "1");
    let server = TestServer::new(|_| Answer::Json(200, list(9, &[pod("b", "ub", 7)])));
    let writer = store.clone();
    let deleted = std::thread::spawn(move || writer.apply_deleted(&decoded(7)));
    begun.recv().unwrap();
    let freshness = Freshness::new(server.client(), "", Arc::new(store));
    freshness.as_new_as_now().await.unwrap();
    assert_eq!(told.load(Ordering::SeqCst), 7);
    deleted.join().unwrap();
}

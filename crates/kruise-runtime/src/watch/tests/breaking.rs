//! Watches that break, fall silent, or find their kind missing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::channel::mpsc;
use serde_json::json;
use tokio::time::sleep;

use super::watching::{A_MOMENT, names, pods, script};
use crate::{
    test_server::{Answer, TestServer, event, list, list_end, pod},
    watch::store_view::StoreView,
};

/// Calls within ten minutes of a server that always does the same.
async fn calls_in_ten_minutes(answer: impl Fn() -> Answer + Send + 'static) -> usize {
    let server = TestServer::new(move |_| answer());
    let _store = pods(&server);
    sleep(Duration::from_secs(600)).await;
    server.calls().len()
}

#[tokio::test(start_paused = true)]
async fn no_failure_makes_a_hot_loop() {
    let gone = || event("ERROR", json!({ "code": 410 }));
    let ended = || Answer::Lines(vec![list_end(7)]);
    for (what, calls) in [
        (
            "errors",
            calls_in_ten_minutes(|| Answer::status(500, "InternalError")).await,
        ),
        (
            "missing kind",
            calls_in_ten_minutes(|| Answer::status(404, "NotFound")).await,
        ),
        (
            "refusals",
            calls_in_ten_minutes(|| Answer::status(422, "Invalid")).await,
        ),
        ("breaks", calls_in_ten_minutes(|| Answer::Break).await),
        ("ends at once", calls_in_ten_minutes(ended).await),
        (
            "empty watches",
            calls_in_ten_minutes(|| Answer::Lines(vec![])).await,
        ),
        (
            "gone at once",
            calls_in_ten_minutes(move || Answer::Lines(vec![gone()])).await,
        ),
        (
            "nonsense",
            calls_in_ten_minutes(|| Answer::Lines(vec![json!("?")])).await,
        ),
    ] {
        assert!((10..=40).contains(&calls), "{what}: {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_is_told_and_found_once_it_is_there() {
    let installed = Arc::new(Mutex::new(false));
    let server = TestServer::new({
        let installed = Arc::clone(&installed);
        move |call| match *installed.lock().unwrap() {
            false => Answer::status(404, "NotFound"),
            true if call.is_streaming_list() => Answer::Lines(vec![list_end(7)]),
            true if call.is_watch() => Answer::Hang,
            true => Answer::Json(200, list(7, &[])),
        }
    });
    let store = pods(&server);
    sleep(Duration::from_secs(5)).await;
    assert!(store.kind_missing() && !store.synced());
    *installed.lock().unwrap() = true;
    sleep(Duration::from_secs(60)).await;
    assert!(store.synced() && !store.kind_missing());
}

// A few such answers may come from an API server that has just started.
#[tokio::test(start_paused = true)]
async fn a_kind_that_is_taken_away_takes_its_objects_along() {
    let not_found = || Answer::status(404, "NotFound");
    let many = |count| {
        std::iter::repeat_with(not_found)
            .take(count)
            .collect::<Vec<_>>()
    };
    for (answers, kept) in [(many(2), 1), (many(9), 0)] {
        let mut script_of = vec![Answer::Lines(vec![
            event("ADDED", pod("a", "ua", 5)),
            list_end(7),
        ])];
        script_of.extend(answers);
        let server = TestServer::new(script(script_of));
        let store = pods(&server);
        sleep(Duration::from_secs(300)).await;
        assert_eq!(store.len(), kept);
        // The watch goes on from where it was, or lists.
        let last = server.calls().pop().unwrap();
        let goes_on = last.query.contains("resourceVersion=7");
        assert_eq!(goes_on, kept == 1, "{last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_opened_again() {
    let (_lines, receiver) = mpsc::unbounded();
    let (lines, second) = mpsc::unbounded();
    lines.unbounded_send(list_end(7)).unwrap();
    let server = TestServer::new(script(vec![
        Answer::Stream(second),
        Answer::Stream(receiver),
    ]));
    let store = pods(&server);
    sleep(Duration::from_secs(149)).await;
    assert!(store.synced());
    assert_eq!(server.calls().len(), 1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_asked_for() {
    let (lines, receiver) = mpsc::unbounded();
    lines.unbounded_send(list_end(7)).unwrap();
    let second = vec![event("ADDED", pod("a", "ua", 5)), list_end(20)];
    let server = TestServer::new(script(vec![
        Answer::Stream(receiver),
        Answer::Lines(second),
    ]));
    let store = pods(&server);
    sleep(A_MOMENT).await;
    store.want_list();
    sleep(A_MOMENT).await;
    assert_eq!(store.newest_version(), 20);
    assert_eq!(names(&store), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_backs_off_goes_on_when_the_server_is_known_to_answer() {
    let away = Arc::new(Mutex::new(true));
    let server = TestServer::new({
        let away = Arc::clone(&away);
        move |call| match *away.lock().unwrap() {
            true => Answer::Break,
            // Lists stream or come in pages in turn, after failures.
            false if call.is_streaming_list() => Answer::Lines(vec![list_end(7)]),
            false if call.is_watch() => Answer::Hang,
            false => Answer::Json(200, list(7, &[])),
        }
    });
    let store = pods(&server);
    // Long enough for delays of half a minute. An attempt has just failed.
    sleep(Duration::from_secs(300)).await;
    let calls = server.calls().len();
    while server.calls().len() == calls {
        sleep(A_MOMENT).await;
    }
    *away.lock().unwrap() = false;
    sleep(Duration::from_secs(10)).await;
    assert!(!store.synced(), "the delay is longer than that");
    store.hurry_watch();
    sleep(A_MOMENT).await;
    assert!(store.synced());
}

/// A server that was away for minutes and has forgotten every version but the newest.
#[tokio::test(start_paused = true)]
async fn a_server_that_has_forgotten_while_it_was_away_is_listed_anew_at_once() {
    let away = Arc::new(AtomicBool::new(false));
    let server = TestServer::new({
        let away = Arc::clone(&away);
        let mut first = Some(vec![event("ADDED", pod("a", "ua", 1)), list_end(7)]);
        move |call| match first.take() {
            Some(lines) => Answer::Lines(lines),
            None if away.load(Ordering::Relaxed) => Answer::Break,
            None if call.is_streaming_list() => {
                Answer::Lines(vec![event("ADDED", pod("b", "ub", 90)), list_end(99)])
            }
            None => Answer::status(410, "Expired"),
        }
    });
    let store = pods(&server);
    sleep(A_MOMENT).await;
    assert_eq!(names(&store), ["a"]);
    away.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(200)).await;
    let calls = server.calls().len();
    away.store(false, Ordering::Relaxed);
    while server.calls().len() == calls {
        sleep(A_MOMENT).await;
    }
    sleep(Duration::from_secs(2)).await;
    assert_eq!(names(&store), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_hurried_watch_waits_as_long_as_the_server_asked_for() {
    let server = TestServer::new(|_| {
        Answer::Json(
            429,
            json!({
                "kind": "Status", "code": 429, "reason": "TooManyRequests",
                "details": { "retryAfterSeconds": 20 },
            }),
        )
    });
    let store = pods(&server);
    sleep(A_MOMENT).await;
    let calls = server.calls().len();
    store.hurry_watch();
    sleep(Duration::from_secs(19)).await;
    assert_eq!(server.calls().len(), calls);
    sleep(Duration::from_secs(2)).await;
    assert!(server.calls().len() > calls);
}

// A dead connection is one reason for silence. Another is a restore from a backup: the server says nothing until it
// gets to the version that was asked for.
#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_listed_anew() {
    let (lines, receiver) = mpsc::unbounded();
    lines
        .unbounded_send(event("ADDED", pod("a", "ua", 90)))
        .unwrap();
    lines.unbounded_send(list_end(99)).unwrap();
    let mut first = Some(receiver);
    let server = TestServer::new(move |call| match first.take() {
        Some(first) => Answer::Stream(first),
        None if call.is_streaming_list() => {
            Answer::Lines(vec![event("ADDED", pod("b", "ub", 5)), list_end(20)])
        }
        None => Answer::Hang,
    });
    let store = pods(&server);
    sleep(Duration::from_secs(160)).await;
    assert_eq!(names(&store), ["b"]);
    assert_eq!(store.newest_version(), 20);
}

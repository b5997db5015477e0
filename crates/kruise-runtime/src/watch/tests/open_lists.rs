//! What is told while a list is open.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::watching::{A_MOMENT, names, pods, script};
use crate::test_server::{Answer, TestServer, bookmark, event, list, list_end, pod};

/// Streaming lists as given, one after the other; then lists in pages, and watches that stay open.
fn first_stream(lines: Vec<Value>, then: &Value) -> TestServer {
    let then = then.clone();
    let mut lines = Some(lines);
    TestServer::new(move |call| match lines.take() {
        Some(lines) => Answer::Lines(lines),
        None if call.is_watch() => Answer::Hang,
        None => Answer::Json(200, then.clone()),
    })
}

// The server may tell of a deletion before it has told that the list is complete.
#[tokio::test(start_paused = true)]
async fn what_is_deleted_while_a_list_is_open_is_not_in_it() {
    let lines = vec![
        event("ADDED", pod("a", "ua", 1)),
        event("ADDED", pod("b", "ub", 2)),
        event("ADDED", pod("c", "uc", 3)),
        event("DELETED", pod("a", "ua", 8)),
        event("MODIFIED", pod("b", "ub", 9)),
        event("DELETED", pod("c", "uc", 10)),
        event("ADDED", pod("c", "made-anew", 11)),
        list_end(12),
    ];
    let server = first_stream(lines, &list(0, &[]));
    let store = pods(&server);
    sleep(A_MOMENT).await;
    assert_eq!(names(&store), ["b", "c"]);
    let versions = store.all();
    let versions = versions.iter().map(|pod| &*pod.metadata.resource_version);
    assert_eq!(versions.collect::<Vec<_>>(), ["9", "11"]);
    assert!(store.by_uid("made-anew").is_some());
}

#[tokio::test(start_paused = true)]
async fn what_cant_be_decoded_and_is_deleted_while_a_list_is_open_is_not_in_it() {
    let mut bad = pod("a", "ua", 7);
    bad["spec"] = json!({ "containers": 1 });
    let first = vec![
        event("ADDED", pod("a", "ua", 1)),
        list_end(5),
        event("ERROR", json!({ "code": 410 })),
    ];
    let second = vec![
        event("ADDED", bad),
        event("DELETED", pod("a", "ua", 8)),
        list_end(9),
    ];
    let server = TestServer::new(script(vec![Answer::Lines(first), Answer::Lines(second)]));
    let store = pods(&server);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.newest_version(), 9);
    assert!(store.is_empty(), "{:?}", names(&store));
}

// An unfinished list is no list, and no version in it is a place to go on from.
#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_is_listed_again_whatever_it_told() {
    let deleted = event("DELETED", pod("a", "ua", 8));
    for told in [
        vec![event("ADDED", pod("a", "ua", 1)), deleted.clone()],
        vec![deleted],
        vec![bookmark(8)],
    ] {
        let server = first_stream(told, &list(20, &[pod("b", "ub", 2)]));
        let store = pods(&server);
        sleep(Duration::from_secs(2)).await;
        assert!(store.synced());
        assert_eq!(names(&store), ["b"]);
    }
}

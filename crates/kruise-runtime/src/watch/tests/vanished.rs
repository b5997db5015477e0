//! Objects that leave the selection.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::channel::mpsc;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::watching::{A_MOMENT, script, watch};
use crate::{
    test_server::{Answer, TestServer, event, list_end, pod},
    watch::{store::Store, watcher::WatchOptions},
};

fn selected() -> WatchOptions {
    WatchOptions {
        label_selector: Some("instance".into()),
        verify_vanished: true,
        ..WatchOptions::default()
    }
}

fn without_label(version: u64) -> Value {
    let mut pod = pod("a", "ua", version);
    pod["metadata"]["labels"] = json!({});
    pod
}

/// A server with one pod, which then leaves the watch; `live` is what reads find.
async fn leaves(live: Arc<Mutex<Option<Value>>>) -> (Store<Pod>, TestServer) {
    let mut lines = Some(vec![
        event("ADDED", pod("a", "ua", 1)),
        list_end(7),
        event("DELETED", without_label(8)),
    ]);
    let server = TestServer::new(move |call| match call.is_watch() {
        true => lines.take().map_or(Answer::Hang, |lines| {
            let (sender, receiver) = mpsc::unbounded();
            lines
                .into_iter()
                .for_each(|line| sender.unbounded_send(line).unwrap());
            // Kept open.
            std::mem::forget(sender);
            Answer::Stream(receiver)
        }),
        false => match live.lock().unwrap().clone() {
            Some(live) => Answer::Json(200, live),
            None => Answer::status(404, "NotFound"),
        },
    });
    let store = watch(&server, PODS, selected());
    sleep(A_MOMENT).await;
    (store, server)
}

#[tokio::test(start_paused = true)]
async fn what_a_live_read_doesnt_find_is_gone() {
    let (store, _) = leaves(Arc::default()).await;
    assert!(store.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_lives_without_its_label_stays_until_it_is_gone() {
    let live = Arc::new(Mutex::new(Some(without_label(8))));
    let (store, server) = leaves(Arc::clone(&live)).await;
    assert!(
        store
            .get(&ObjectKey::new("ns", "a"))
            .unwrap()
            .metadata
            .labels
            .is_empty()
    );
    sleep(Duration::from_secs(60)).await;
    assert_eq!(store.len(), 1);
    let reads = server
        .calls()
        .iter()
        .filter(|call| !call.is_watch())
        .count();
    assert!((5..=10).contains(&reads), "{reads} reads a minute");
    *live.lock().unwrap() = None;
    sleep(Duration::from_secs(11)).await;
    assert!(store.is_empty());
}

// An object that only left the selection, and comes back, would never be seen again if it were taken for gone.
#[tokio::test(start_paused = true)]
async fn what_leaves_in_a_form_that_cannot_be_read_may_live() {
    for (live, kept) in [(Some(without_label(8)), 1), (None, 0)] {
        let mut unreadable = without_label(8);
        unreadable["spec"] = json!("none");
        let lines = vec![
            event("ADDED", pod("a", "ua", 1)),
            list_end(7),
            event("DELETED", unreadable),
        ];
        let mut answers = script(vec![Answer::Lines(lines)]);
        let server = TestServer::new(move |call| match (call.is_watch(), &live) {
            (true, _) => answers(call),
            (false, Some(live)) => Answer::Json(200, live.clone()),
            (false, None) => Answer::status(404, "NotFound"),
        });
        let store: Store<Pod> = watch(&server, PODS, selected());
        sleep(A_MOMENT).await;
        assert_eq!(store.len(), kept);
    }
}

// A list that lacks an object doesn't say whether the object was deleted or is only no longer selected.
#[tokio::test(start_paused = true)]
async fn what_leaves_while_a_list_is_open_stays_until_it_is_read_live() {
    for (live, kept) in [(Some(without_label(8)), 1), (None, 0)] {
        let first = vec![
            event("ADDED", pod("a", "ua", 1)),
            list_end(7),
            event("ERROR", json!({ "code": 410 })),
        ];
        let second = vec![
            event("ADDED", pod("a", "ua", 1)),
            event("DELETED", without_label(8)),
            list_end(9),
        ];
        let mut answers = script(vec![Answer::Lines(first), Answer::Lines(second)]);
        let server = TestServer::new(move |call| match (call.is_watch(), &live) {
            (true, _) => answers(call),
            (false, Some(live)) => Answer::Json(200, live.clone()),
            (false, None) => Answer::status(404, "NotFound"),
        });
        let store: Store<Pod> = watch(&server, PODS, selected());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(store.newest_version(), 9);
        assert_eq!(store.len(), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn another_object_of_that_name_is_not_the_one_that_vanished() {
    let live = Arc::new(Mutex::new(Some(pod("a", "other", 9))));
    let (store, _) = leaves(live).await;
    assert!(store.by_uid("ua").is_none());
}

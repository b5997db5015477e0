use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::channel::mpsc;
use kruise_api::{
    apps::v1beta1::CloneSet,
    meta::ObjectMeta,
    object::Object,
    pod::Pod,
    resource::{ObjectKey, PODS, Resource},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json, value::RawValue};
use tokio::time::sleep;

use crate::{
    control::{
        own_writes::OwnWrites,
        queue::{Queue, RateLimit},
    },
    tell::metrics::{Metrics, ResourceLabels},
    test_server::{Answer, Call, TestServer, bookmark, event, list, list_end, pod},
    watch::{
        restore::Restores,
        store::Store,
        store_view::StoreView,
        watcher::{WatchOptions, Watcher},
    },
};

const SETS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "clonesets",
    kind: "CloneSet",
    namespaced: true,
};

const A_MOMENT: Duration = Duration::from_millis(10);

fn watch<K: Object>(server: &TestServer, resource: Resource, options: WatchOptions) -> Store<K> {
    watch_with(server, resource, options, Metrics::unregistered())
}

fn watch_with<K: Object>(
    server: &TestServer,
    resource: Resource,
    options: WatchOptions,
    metrics: Metrics,
) -> Store<K> {
    let store = Store::new(resource);
    let watcher = Watcher::filling(
        store.clone(),
        server.client(),
        String::new(),
        options,
        metrics,
        Restores::default(),
    );
    tokio::spawn(watcher.run());
    store
}

fn pods(server: &TestServer) -> Store<Pod> {
    watch(server, PODS, WatchOptions::default())
}

fn names<K: Object>(store: &Store<K>) -> Vec<String> {
    store
        .all()
        .iter()
        .map(|object| object.meta().name.clone())
        .collect()
}

/// Answers to watches, given one after the other; the last one stays open.
fn script(mut answers: Vec<Answer>) -> impl FnMut(&Call) -> Answer + Send {
    answers.reverse();
    move |_| answers.pop().unwrap_or(Answer::Hang)
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_and_then_events_fill_the_store() {
    let (lines, receiver) = mpsc::unbounded();
    let server = TestServer::new(script(vec![Answer::Stream(receiver)]));
    let store = pods(&server);
    lines
        .unbounded_send(event("ADDED", pod("a", "ua", 1)))
        .unwrap();
    sleep(A_MOMENT).await;
    assert!(!store.synced());
    lines.unbounded_send(list_end(7)).unwrap();
    sleep(A_MOMENT).await;
    assert!(store.synced());
    assert_eq!(store.newest_version(), 7);
    lines
        .unbounded_send(event("ADDED", pod("b", "ub", 8)))
        .unwrap();
    lines
        .unbounded_send(event("DELETED", pod("a", "ua", 9)))
        .unwrap();
    lines.unbounded_send(bookmark(12)).unwrap();
    sleep(A_MOMENT).await;
    assert_eq!(names(&store), ["b"]);
    assert_eq!(store.newest_version(), 12);
}

#[tokio::test(start_paused = true)]
async fn where_streaming_lists_are_refused_pages_are_read() {
    let server = TestServer::new(|call| {
        if call.is_streaming_list() {
            return Answer::status(422, "Invalid");
        }
        if call.is_watch() {
            return Answer::Hang;
        }
        if call.query.contains("continue=") {
            return Answer::Json(200, list(9, &[pod("b", "ub", 2)]));
        }
        let mut first = list(7, &[pod("a", "ua", 1)]);
        first["metadata"]["continue"] = json!("more/+=");
        Answer::Json(200, first)
    });
    let store = pods(&server);
    sleep(A_MOMENT).await;
    assert_eq!(names(&store), ["a", "b"]);
    // The first page decides on the version.
    assert_eq!(store.newest_version(), 7);
    let calls = server.calls();
    assert!(
        calls[2].query.contains("continue=more%2F%2B%3D"),
        "{calls:?}"
    );
    assert!(calls[3].query.contains("resourceVersion=7"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_too_old_leads_to_a_new_list_that_shows_what_vanished() {
    let gone = event(
        "ERROR",
        json!({ "kind": "Status", "code": 410, "reason": "Expired" }),
    );
    let first = vec![
        event("ADDED", pod("a", "ua", 1)),
        event("ADDED", pod("b", "ub", 2)),
        list_end(7),
        gone,
    ];
    let second = vec![event("ADDED", pod("b", "ub", 2)), list_end(20)];
    let server = TestServer::new(script(vec![Answer::Lines(first), Answer::Lines(second)]));
    let store = pods(&server);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&store), ["b"]);
    assert_eq!(store.newest_version(), 20);
    assert!(server.calls()[1].is_streaming_list());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_goes_on_from_where_it_was() {
    let first = vec![event("ADDED", pod("a", "ua", 1)), list_end(7), bookmark(11)];
    let server = TestServer::new(script(vec![Answer::Lines(first)]));
    let store = pods(&server);
    sleep(Duration::from_secs(1)).await;
    assert!(server.calls()[1].query.contains("resourceVersion=11"));
    assert_eq!(names(&store), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cant_be_decoded_is_skipped_and_counted() {
    let set = |name: &str, version: u64, replicas: Value| {
        json!({
            "metadata": { "namespace": "ns", "name": name, "uid": name,
                          "resourceVersion": version.to_string() },
            "spec": { "replicas": replicas, "selector": {}, "template": {} },
        })
    };
    let (lines, receiver) = mpsc::unbounded();
    let server = TestServer::new(script(vec![Answer::Stream(receiver)]));
    let metrics = Metrics::unregistered();
    let store: Store<CloneSet> =
        watch_with(&server, SETS, WatchOptions::default(), metrics.clone());
    for line in [
        event("ADDED", set("bad", 1, json!("three"))),
        event("ADDED", set("good", 2, json!(3))),
        list_end(7),
        event("ADDED", set("worse", 8, json!({}))),
        event("ADDED", set("better", 9, json!(1))),
    ] {
        lines.unbounded_send(line).unwrap();
    }
    sleep(A_MOMENT).await;
    assert_eq!(names(&store), ["better", "good"]);
    assert_eq!(store.newest_version(), 9);
    let labels = ResourceLabels {
        resource: "clonesets.apps.kruise.io".into(),
    };
    assert_eq!(metrics.undecodable.get_or_create(&labels).get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_object_in_a_new_list_keeps_its_last_readable_state() {
    let bad = json!({ "metadata": { "namespace": "ns", "name": "a", "uid": "ua",
        "resourceVersion": "9" }, "spec": { "containers": 1 } });
    let first = vec![
        event("ADDED", pod("a", "ua", 1)),
        list_end(7),
        event("ERROR", json!({"code": 410})),
    ];
    let second = vec![event("ADDED", bad), list_end(20)];
    let server = TestServer::new(script(vec![Answer::Lines(first), Answer::Lines(second)]));
    let store = pods(&server);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(names(&store), ["a"]);
    assert_eq!(store.newest_version(), 20);
}

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

// Some such answers may be of an API server that has just started.
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
        // It goes on from where it was, or lists.
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

// What was told of an open list is no list, so that it is no place to go on from.
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

// A dead connection is one reason. Another is a server that was restored from a backup: it is silent until it gets
// to the version that was asked for.
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

/// A projection that keeps a part of the object as the text that it was sent as.
#[derive(PartialEq)]
struct KeepsText {
    metadata: ObjectMeta,
    data: Box<str>,
}

impl<'de> Deserialize<'de> for KeepsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Text<'a> {
            metadata: ObjectMeta,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let Text { metadata, data } = Text::deserialize(deserializer)?;
        let data = data.get().into();
        Ok(Self { metadata, data })
    }
}

impl Object for KeepsText {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

// Streamed, listed or read live: nothing is made a tree first.
#[tokio::test(start_paused = true)]
async fn a_projection_reads_the_text_that_was_sent() {
    let object = |version: u64| {
        let mut object = pod("a", "ua", version);
        object["data"] = json!({ "b": 1, "a": [] });
        object
    };
    let server = TestServer::new(move |call| match call.path.ends_with("/a") {
        true => Answer::Json(200, object(9)),
        false if call.is_streaming_list() => Answer::status(422, "Invalid"),
        false if call.query.contains("resourceVersion=5") => {
            Answer::Lines(vec![event("MODIFIED", object(7))])
        }
        false if call.is_watch() => Answer::Hang,
        false => Answer::Json(200, list(5, &[object(3)])),
    });
    let store: Store<KeepsText> = watch(&server, PODS, WatchOptions::default());
    let seen = Arc::new(Mutex::new(vec![]));
    let (notes, nobody) = (
        Arc::clone(&seen),
        Queue::new("q", RateLimit::default(), &Metrics::unregistered()),
    );
    store.on_change(&nobody, move |_, new| {
        let new = new.unwrap();
        let version = new.metadata.resource_version.clone();
        notes.lock().unwrap().push((version, new.data.to_string()));
        vec![]
    });
    sleep(A_MOMENT).await;
    let own_writes = OwnWrites::new(
        server.client(),
        Duration::from_secs(300),
        Metrics::unregistered(),
    );
    own_writes
        .look_live(&store, &ObjectKey::new("ns", "a"))
        .await;
    let text = json!({ "b": 1, "a": [] }).to_string();
    let expected = ["3", "7", "9"].map(|version| (version.to_owned(), text.clone()));
    assert_eq!(*seen.lock().unwrap(), expected);
}

mod vanished {
    use super::*;

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

    // Deleted or only no longer selected: a list says it of neither.
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
}

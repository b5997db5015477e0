use std::{
    sync::{Arc, Mutex},
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
        watcher::{WatchOptions, Watcher},
    },
};

pub(super) const SETS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "clonesets",
    kind: "CloneSet",
    namespaced: true,
};

pub(super) const A_MOMENT: Duration = Duration::from_millis(10);

pub(super) fn watch<K: Object>(
    server: &TestServer,
    resource: Resource,
    options: WatchOptions,
) -> Store<K> {
    watch_with(server, resource, options, Metrics::unregistered())
}

pub(super) fn watch_with<K: Object>(
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

pub(super) fn pods(server: &TestServer) -> Store<Pod> {
    watch(server, PODS, WatchOptions::default())
}

pub(super) fn names<K: Object>(store: &Store<K>) -> Vec<String> {
    store
        .all()
        .iter()
        .map(|object| object.meta().name.clone())
        .collect()
}

/// Answers to watches, given one after the other; the last one stays open.
pub(super) fn script(mut answers: Vec<Answer>) -> impl FnMut(&Call) -> Answer + Send {
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

// An object is decoded from its text, whether it is streamed, listed or read live. No JSON tree is made first.
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
        Queue::new("q", RateLimit::LIBRARY, &Metrics::unregistered()),
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

// What followed a watch once kept the store for good, where it kept an index that looks into it.
#[tokio::test(start_paused = true)]
async fn followers_go_with_their_watch() {
    let server = TestServer::new(script(vec![]));
    let store = Store::<Pod>::new(PODS);
    let (index, followed) = (Arc::new(store.clone()), store.clone());
    let kept = Arc::downgrade(&index);
    store.follow(move |_, _| drop(Arc::clone(&index)));
    let watcher = Watcher::filling(
        followed,
        server.client(),
        String::new(),
        WatchOptions::default(),
        Metrics::unregistered(),
        Restores::default(),
    );
    let task = tokio::spawn(watcher.run());
    assert!(kept.upgrade().is_some());
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(kept.upgrade().is_none());
}

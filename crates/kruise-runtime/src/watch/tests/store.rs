use std::sync::{Arc, Mutex};

use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{
    control::queue::{Queue, RateLimit},
    tell::metrics::Metrics,
    test_server::pod,
    watch::{
        order::WatchOrder,
        store::Store,
        store_view::{Injected, StoreView},
    },
};

fn decoded(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

fn store() -> Store<Pod> {
    Store::new(PODS)
}

fn version_of(store: &Store<Pod>, name: &str) -> Option<String> {
    store
        .get(&key(name))
        .map(|pod| pod.metadata.resource_version.clone())
}

#[test]
fn an_older_event_never_replaces_a_newer_object() {
    let store = store();
    store.inject(&key("a"), "u", Some(decoded(pod("a", "u", 12))));
    store.apply(decoded(pod("a", "u", 10)));
    assert_eq!(version_of(&store, "a").as_deref(), Some("12"));
    store.apply(decoded(pod("a", "u", 13)));
    assert_eq!(version_of(&store, "a").as_deref(), Some("13"));
}

#[test]
fn a_live_read_says_nothing_of_other_objects() {
    let store = store();
    store.apply(decoded(pod("a", "u", 5)));
    store.inject(&key("b"), "v", Some(decoded(pod("b", "v", 12))));
    assert_eq!(store.newest_version(), 5);
    assert_eq!(version_of(&store, "b").as_deref(), Some("12"));
}

#[test]
fn what_was_found_gone_is_not_brought_back_by_an_older_event() {
    let store = store();
    store.apply(decoded(pod("a", "u", 5)));
    store.inject(&key("a"), "u", None);
    assert!(store.found_gone("u"));
    store.apply(decoded(pod("a", "u", 7)));
    assert_eq!(version_of(&store, "a"), None);
    store.apply_deleted(&decoded(pod("a", "u", 8)));
    assert!(!store.found_gone("u"));
    store.apply(decoded(pod("a", "w", 9)));
    assert_eq!(version_of(&store, "a").as_deref(), Some("9"));
}

#[test]
fn a_live_read_that_a_deletion_overtook_brings_nothing_back() {
    let store = store();
    store.apply(decoded(pod("a", "u", 5)));
    store.apply_deleted(&decoded(pod("a", "u", 8)));
    store.inject(&key("a"), "u", Some(decoded(pod("a", "u", 5))));
    assert_eq!(version_of(&store, "a"), None);
}

#[test]
fn a_deletion_of_the_earlier_object_leaves_the_later_one_of_that_name() {
    let store = store();
    store.inject(&key("a"), "new", Some(decoded(pod("a", "new", 20))));
    store.apply_deleted(&decoded(pod("a", "old", 15)));
    assert!(store.by_uid("new").is_some());
}

#[test]
fn a_list_removes_what_it_lacks_but_not_what_is_newer() {
    let store = store();
    store.apply(decoded(pod("gone", "g", 5)));
    store.inject(&key("newer"), "n", Some(decoded(pod("newer", "n", 30))));
    store.replace(vec![decoded(pod("there", "t", 6))], &[], "20");
    let names: Vec<_> = store
        .all()
        .iter()
        .map(|pod| pod.metadata.name.clone())
        .collect();
    assert_eq!(names, ["newer", "there"]);
    assert_eq!(store.newest_version(), 20);
    assert!(store.synced());
}

#[test]
fn a_list_older_than_what_was_seen_starts_anew() {
    let store = store();
    store.replace(vec![decoded(pod("a", "u", 90))], &[], "100");
    store.replace(vec![decoded(pod("b", "v", 3))], &[], "10");
    assert_eq!(store.len(), 1);
    assert_eq!(store.newest_version(), 10);
}

// Versions from before a restore say nothing: neither of an object that may only have left the selection, nor of an
// object that can't be read.
#[test]
fn a_list_of_restored_data_leaves_nothing_of_before() {
    let store = store();
    let (strays, mut told) = tokio::sync::mpsc::unbounded_channel();
    store.select(None, Some(strays));
    let pods = ["a", "b"].map(|name| decoded(pod(name, name, 90)));
    store.replace(pods.into(), &[], "100");
    store.replace(vec![], &[key("b")], "10");
    assert_eq!(store.len(), 0);
    assert!(told.try_recv().is_err());
    store.apply(decoded(pod("a", "a2", 11)));
    assert_eq!(version_of(&store, "a").as_deref(), Some("11"));
}

/// What readers see at each change that they are told of.
fn seen_meanwhile(store: &Store<Pod>) -> Arc<Mutex<Vec<Vec<String>>>> {
    let seen: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let (reader, notes) = (store.clone(), Arc::clone(&seen));
    let queue = Queue::new("q", RateLimit::LIBRARY, &Metrics::unregistered());
    store.on_change(&queue, move |_, _| {
        let pods = reader.by_owner("owner");
        let pods = pods.iter().map(|pod| pod.metadata.name.clone()).collect();
        notes.lock().unwrap().push(pods);
        vec![]
    });
    seen
}

// Readers see what was before the list or what is after it, and nothing in between.
#[test]
fn a_list_enters_at_once() {
    for (version, what) in [("200", "later"), ("10", "older, after a restore")] {
        let store = store();
        let listed = |name: &str, version| decoded(pod(name, &format!("uid-{name}"), version));
        let before = ["gone", "stays", "stays-too"].map(|name| listed(name, 90));
        store.replace(before.into(), &[], "100");
        let seen = seen_meanwhile(&store);
        let after = vec![listed("new", 7), listed("stays", 6), listed("stays-too", 5)];
        store.replace(after, &[], version);
        let seen = seen.lock().unwrap();
        assert!(!seen.is_empty());
        for seen in &*seen {
            assert_eq!(
                *seen,
                ["new", "stays", "stays-too"],
                "a list that is {what}"
            );
        }
    }
}

// A list has each object's state at the list's version. So no state that the watch told earlier is newer, unless the
// data was restored from a backup in between.
#[test]
fn a_list_brings_objects_back_to_older_states() {
    let store = store();
    store.replace(vec![decoded(pod("a", "u", 90))], &[], "100");
    store.replace(vec![decoded(pod("a", "u", 5))], &[], "120");
    assert_eq!(version_of(&store, "a").as_deref(), Some("5"));
    // A live read is newer than a list that was made before it.
    store.inject(&key("a"), "u", Some(decoded(pod("a", "u", 130))));
    store.replace(vec![decoded(pod("a", "u", 110))], &[], "125");
    assert_eq!(version_of(&store, "a").as_deref(), Some("130"));
}

// A live read that is older than what was known before it began: the data was restored.
#[test]
fn a_live_read_that_goes_back_is_believed_and_the_kind_is_listed() {
    let store = store();
    store.replace(vec![decoded(pod("a", "u", 90))], &[], "100");
    assert_eq!(store.watch_order(), WatchOrder::Continue(None));
    let before = store.before_read(&key("a"));
    let live = to_raw_value(&pod("a", "u", 5)).unwrap();
    let injected = store.inject_live(&key("a"), "u", Some(&live), &before);
    let injected = injected.unwrap();
    assert_eq!(injected, Injected::Skipped);
    assert_eq!(version_of(&store, "a").as_deref(), Some("5"));
    assert_eq!(store.watch_order(), WatchOrder::Relist);
}

#[test]
fn owners_find_their_objects_while_these_name_them() {
    let store = store();
    store.apply(decoded(pod("b", "ub", 1)));
    store.apply(decoded(pod("a", "ua", 2)));
    let names: Vec<_> = store
        .by_owner("owner")
        .iter()
        .map(|pod| pod.metadata.name.clone())
        .collect();
    assert_eq!(names, ["a", "b"]);
    let mut released = pod("a", "ua", 3);
    released["metadata"]["ownerReferences"] = json!([]);
    store.apply(decoded(released));
    assert_eq!(store.by_owner("owner").len(), 1);
    assert_eq!(store.in_namespace("ns").len(), 2);
    assert_eq!(store.in_namespace("n").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn handlers_see_the_object_before_and_after_and_replays_come_last() {
    let store = store();
    let queue = Queue::new("q", RateLimit::LIBRARY, &Metrics::unregistered());
    store.on_change(&queue, |old, new| {
        let name = |pod: Option<&Pod>| {
            pod.map_or("-", |pod| &pod.metadata.resource_version)
                .to_owned()
        };
        vec![ObjectKey::new(name(old), name(new))]
    });
    store.apply(decoded(pod("a", "u", 1)));
    store.replay();
    store.apply(decoded(pod("a", "u", 2)));
    store.apply_deleted(&decoded(pod("a", "u", 3)));
    let mut seen = vec![];
    for _ in 0..queue.len() {
        seen.push(queue.next().await.unwrap().to_string());
    }
    assert_eq!(seen, ["-/1", "1/2", "2/-"]);
}

#[test]
fn a_list_that_is_taken_again_is_no_second_copy() {
    let store = store();
    store.replace(vec![decoded(pod("a", "u", 3))], &[], "5");
    let stored = store.get(&key("a")).unwrap();

    let again = store.stored_or(decoded(pod("a", "u", 3)));
    assert!(Arc::ptr_eq(&stored, &again));

    // The same version with another state: the data was restored, and the version was given out again.
    let mut other = pod("a", "u", 3);
    other["spec"]["nodeName"] = "n".into();
    let other = store.stored_or(decoded(other));
    assert!(!Arc::ptr_eq(&stored, &other));
    assert_eq!(other.spec.node_name, "n");
}

#[test]
fn objects_are_found_by_uid_and_owner_as_long_as_they_are_there() {
    let store = store();
    let owned = |name: &str, version| decoded(pod(name, &format!("uid-{name}"), version));
    store.replace(vec![owned("b", 2), owned("a", 1)], &[], "5");
    let names = |store: &Store<Pod>| -> Vec<String> {
        let owned = store.by_owner("owner");
        owned.iter().map(|pod| pod.metadata.name.clone()).collect()
    };
    assert_eq!(names(&store), ["a", "b"]);

    // A new state takes the old one's place everywhere.
    store.apply(owned("a", 6));
    assert_eq!(names(&store), ["a", "b"]);
    assert_eq!(
        store.by_uid("uid-a").unwrap().metadata.resource_version,
        "6"
    );

    // The object gets another owner.
    let mut given_away = owned("b", 7);
    given_away.metadata.owner_references.clear();
    store.apply(given_away);
    assert_eq!(names(&store), ["a"]);
    store.apply_deleted(&owned("a", 8));
    assert!(names(&store).is_empty() && store.by_uid("uid-a").is_none());
    assert!(store.by_uid("uid-b").is_some());
}

/// What a follower of the store saw: names before and after each change, and whether the store was synced then.
fn followed(store: &Store<Pod>) -> Arc<Mutex<Vec<(String, String, bool)>>> {
    let seen = Arc::new(Mutex::new(vec![]));
    let (noted, known) = (Arc::clone(&seen), store.clone());
    let version = |pod: Option<&Pod>| {
        pod.map_or_else(String::new, |pod| {
            format!("{}@{}", pod.metadata.name, pod.metadata.resource_version)
        })
    };
    store.follow(move |old, new| {
        let change = (version(old), version(new), known.synced());
        noted.lock().unwrap().push(change);
    });
    seen
}

fn change(old: &str, new: &str, synced: bool) -> (String, String, bool) {
    (old.to_owned(), new.to_owned(), synced)
}

#[test]
fn a_follower_has_seen_all_of_a_list_before_the_store_is_synced() {
    let store = store();
    let seen = followed(&store);
    let listed = vec![decoded(pod("a", "u", 3)), decoded(pod("b", "v", 4))];
    store.replace(listed, &[], "5");
    let first = [change("", "a@3", false), change("", "b@4", false)];
    assert_eq!(*seen.lock().unwrap(), first);
    assert!(store.synced());

    // Nobody follows what is only shown once more.
    store.replay();
    assert_eq!(seen.lock().unwrap().len(), 2);

    store.apply(decoded(pod("a", "u", 6)));
    store.inject(&key("b"), "v", None);
    store.replace(vec![], &[], "9");
    let changes = [
        change("a@3", "a@6", true),
        change("b@4", "", true),
        change("a@6", "", true),
    ];
    assert_eq!(seen.lock().unwrap()[2..], changes);
}

#[tokio::test]
async fn a_follower_hears_of_a_change_before_a_queue_does() {
    let store = store();
    let queue = Queue::new("q", RateLimit::LIBRARY, &Metrics::unregistered());
    let heard = Arc::new(Mutex::new(0));
    let seen_by_queue = Arc::new(Mutex::new(vec![]));
    let (noted, known) = (Arc::clone(&seen_by_queue), Arc::clone(&heard));
    // In the other order, to show that the order doesn't matter.
    store.on_change(&queue, move |_, _| {
        noted.lock().unwrap().push(*known.lock().unwrap());
        vec![]
    });
    store.follow(move |_, _| *heard.lock().unwrap() += 1);
    store.replace(
        vec![decoded(pod("a", "u", 3)), decoded(pod("b", "v", 4))],
        &[],
        "5",
    );
    store.apply(decoded(pod("a", "u", 6)));
    // Of a list, everything is followed first.
    assert_eq!(*seen_by_queue.lock().unwrap(), [2, 2, 3]);
}

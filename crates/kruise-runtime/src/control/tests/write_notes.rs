//! What a look at the notes of own writes costs: an owner of thousands of pods is looked at with each event.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS, Resource},
};
use serde_json::value::RawValue;
use tokio::time::advance;

use crate::{
    control::write_notes::{Notes, Promise},
    test_server::pod,
    watch::{
        store::Store,
        store_view::{BeforeRead, Injected, StoreView},
    },
};

const LEAKED_AFTER: Duration = Duration::from_secs(300);
const MANY: u64 = 1_000;

/// A store that counts what it is asked about objects.
struct Asked {
    store: Store<Pod>,
    questions: AtomicUsize,
}

impl StoreView for Asked {
    fn wait_for_handlers(&self) {}

    fn resource(&self) -> Resource {
        self.store.resource()
    }

    fn newest_version(&self) -> u64 {
        StoreView::newest_version(&self.store)
    }

    fn synced(&self) -> bool {
        StoreView::synced(&self.store)
    }

    fn lists(&self) -> u64 {
        self.store.lists()
    }

    fn kind_missing(&self) -> bool {
        self.store.kind_missing()
    }

    fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    fn state_of(&self, uid: &str) -> Option<(u64, bool)> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.store.state_of(uid)
    }

    fn found_gone(&self, uid: &str) -> bool {
        self.store.found_gone(uid)
    }

    fn before_read(&self, key: &ObjectKey) -> BeforeRead {
        self.store.before_read(key)
    }

    fn inject_live(
        &self,
        key: &ObjectKey,
        uid: &str,
        live: Option<&RawValue>,
        before: &BeforeRead,
    ) -> Result<Injected, serde_json::Error> {
        self.store.inject_live(key, uid, live, before)
    }

    fn want_version(&self, version: u64, within: Duration) {
        self.store.want_version(version, within);
    }

    fn want_list(&self) {
        self.store.want_list();
    }

    fn hurry_watch(&self) {
        self.store.hurry_watch();
    }

    fn replay(&self) {
        self.store.replay();
    }
}

fn asked() -> Asked {
    let store = Store::new(PODS);
    store.replace(vec![], &[], "5");
    Asked {
        store,
        questions: AtomicUsize::new(0),
    }
}

fn name(n: u64) -> String {
    format!("p{n:04}")
}

fn shows(asked: &Asked, n: u64, version: u64) {
    let pod = pod(&name(n), &name(n), version);
    asked.store.apply(serde_json::from_value(pod).unwrap());
}

fn add(notes: &mut Notes, id: u64, promise: Promise) {
    let name = name(id % MANY);
    notes.add(id, PODS, ObjectKey::new("ns", name), promise);
}

fn version(n: u64, version: u64) -> Promise {
    let uid = name(n);
    Promise::Version { uid, version }
}

fn deletion(n: u64) -> Promise {
    Promise::Deletion { uid: name(n) }
}

#[tokio::test(start_paused = true)]
async fn a_look_costs_what_has_happened_since_the_last() {
    let asked = asked();
    let mut notes = Notes::default();
    for n in 0..MANY {
        add(&mut notes, n, version(n, 10 + n));
    }
    for n in 0..MANY {
        shows(&asked, n, 10 + n);
        let looked = notes.look(&[&asked], LEAKED_AFTER);
        assert!(looked.due.is_empty());
        let early = looked.early.map(|note| note.key.name);
        assert_eq!(early, (n + 1 < MANY).then(|| name(n + 1)));
    }
    assert!(notes.is_empty());
    let questions = asked.questions.load(Ordering::Relaxed);
    assert!(questions <= 4 * 1_000, "{questions}");
}

// Answers to writes that are sent side by side come in any order, and so do events.
#[tokio::test(start_paused = true)]
async fn the_order_of_what_is_shown_does_not_matter() {
    let asked = asked();
    let mut notes = Notes::default();
    for n in 0..4 {
        add(&mut notes, n, version(n, 20 - n));
    }
    for n in 0..4 {
        add(&mut notes, MANY + 10 + n, deletion(10 + n));
        shows(&asked, 10 + n, 6 + n);
    }
    let gone = |n: u64| {
        let pod = serde_json::from_value(pod(&name(10 + n), &name(10 + n), 10 + n));
        asked.store.apply_deleted(&pod.unwrap());
    };
    for n in [2, 0, 1, 3] {
        assert!(!notes.is_empty());
        gone(n);
        notes.look(&[&asked], LEAKED_AFTER);
    }
    for n in [3, 1, 0] {
        shows(&asked, n, 20 - n);
        let looked = notes.look(&[&asked], LEAKED_AFTER);
        let due: Vec<_> = looked.due.into_iter().map(|note| note.key.name).collect();
        // The watch got past version 18 without showing it.
        let passed_over = if n < 3 { vec![name(2)] } else { vec![] };
        assert_eq!(due, passed_over, "{n}");
    }
    shows(&asked, 2, 18);
    notes.look(&[&asked], LEAKED_AFTER);
    assert!(notes.is_empty());
}

// Otherwise the owner would be looked at 2 s later, though nothing is missing.
#[tokio::test(start_paused = true)]
async fn what_is_shown_behind_something_late_is_dropped_with_it() {
    let asked = asked();
    let mut notes = Notes::default();
    add(&mut notes, 0, deletion(0));
    shows(&asked, 0, 6);
    advance(Duration::from_secs(1)).await;
    add(&mut notes, 1, deletion(1));
    advance(Duration::from_secs(1)).await;
    let looked = notes.look(&[&asked], LEAKED_AFTER);
    let due: Vec<_> = looked
        .due
        .iter()
        .map(|note| note.key.name.clone())
        .collect();
    assert_eq!((due, looked.early.is_none()), (vec![name(0)], true));
    assert!(!notes.has_leaked());
    advance(LEAKED_AFTER).await;
    assert_eq!(notes.look(&[&asked], LEAKED_AFTER).leaked, 1);
    assert_eq!(notes.look(&[&asked], LEAKED_AFTER).leaked, 0);
    assert!(notes.has_leaked());
    notes.close(&looked.due[0]);
    assert!(notes.is_empty() && !notes.has_leaked());
}

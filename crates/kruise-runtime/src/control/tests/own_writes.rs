use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Method;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS, PatchKind},
};
use serde_json::{Value, json};
use tokio::time::advance;

use crate::{
    api::{error::ApiError, written::Written},
    control::own_writes::{OwnWrites, Settled, Writer},
    tell::metrics::Metrics,
    test_server::{Answer, TestServer, pod},
    watch::{order::WatchOrder, store::Store, store_view::StoreView},
};

const OWNER: &str = "owner";

struct World {
    server: TestServer,
    own_writes: OwnWrites,
    writer: Writer,
    store: Store<Pod>,
}

impl World {
    /// `write` answers writes, `live` reads.
    fn new(
        write: impl Fn() -> Answer + Send + 'static,
        live: impl Fn() -> Answer + Send + 'static,
    ) -> Self {
        let server = TestServer::new(move |call| match call.method {
            Method::GET => live(),
            _ => write(),
        });
        let client = server.client();
        let leaked_after = Duration::from_secs(300);
        let own_writes = OwnWrites::new(client.clone(), leaked_after, Metrics::unregistered());
        let writer = own_writes.writer(OWNER, client);
        let store = Store::new(PODS);
        store.replace(vec![decoded(pod("old", "uo", 3))], &[], "5");
        Self {
            server,
            own_writes,
            writer,
            store,
        }
    }

    async fn settle(&self) -> Settled {
        self.own_writes.settle(OWNER, &[&self.store]).await
    }

    async fn is_settled(&self) -> bool {
        self.settle().await == Settled::Yes
    }

    async fn create(&self) -> Result<Written, ApiError> {
        self.writer
            .create(&PODS, "ns", &json!({ "metadata": { "name": "a" } }))
            .await
    }

    fn live_reads(&self) -> usize {
        self.server
            .calls()
            .iter()
            .filter(|call| call.method == Method::GET)
            .count()
    }
}

fn decoded(value: Value) -> Pod {
    serde_json::from_value(value).unwrap()
}

fn old() -> ObjectKey {
    ObjectKey::new("ns", "old")
}

fn found(pod: &Value) -> impl Fn() -> Answer + Send + 'static {
    let pod = pod.clone();
    move || Answer::Json(200, pod.clone())
}

fn not_found() -> Answer {
    Answer::status(404, "NotFound")
}

fn broken() -> Answer {
    Answer::Break
}

#[tokio::test(start_paused = true)]
async fn without_writes_all_is_settled() {
    let world = World::new(not_found, not_found);
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_settled_once_the_watch_shows_it() {
    let world = World::new(found(&pod("a", "ua", 10)), not_found);
    world.create().await.unwrap();
    let Settled::No {
        waiting_for,
        again_after,
    } = world.settle().await
    else {
        panic!()
    };
    assert_eq!(waiting_for, "pods ns/a at version 10");
    assert_eq!(again_after, Duration::from_secs(2));
    world.store.apply(decoded(pod("a", "ua", 10)));
    assert!(world.is_settled().await);
    assert_eq!(world.live_reads(), 0);
}

mod passed_over {
    use super::*;

    /// The watch says that it is past the write, which it has not shown.
    async fn passed(live: impl Fn() -> Answer + Send + 'static) -> World {
        let world = World::new(found(&pod("a", "ua", 10)), live);
        world.create().await.unwrap();
        world.store.saw_version("9");
        assert!(!world.is_settled().await);
        world.store.saw_version("11");
        world
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_since_is_settled_by_one_read_at_once() {
        let world = passed(not_found).await;
        assert!(world.is_settled().await);
        assert_eq!(world.live_reads(), 1);
        assert_eq!(world.store.watch_order(), WatchOrder::Continue(None));
    }

    // Without this, the next plan would make the pod a second time.
    #[tokio::test(start_paused = true)]
    async fn what_the_watch_lost_enters_the_store_and_the_watch_is_listed_anew() {
        let world = passed(found(&pod("a", "ua", 10))).await;
        assert!(world.is_settled().await);
        assert!(world.store.by_uid("ua").is_some());
        assert_eq!(world.store.watch_order(), WatchOrder::Relist);
        // What else it has lost, nobody knows.
        assert!(matches!(
            world.store.watch_order(),
            WatchOrder::Continue(Some(_))
        ));
        for seconds in [4, 8, 16, 30, 30] {
            advance(Duration::from_secs(seconds)).await;
            assert_eq!(world.store.watch_order(), WatchOrder::Relist);
        }
        advance(Duration::from_secs(300)).await;
        assert_eq!(world.store.watch_order(), WatchOrder::Continue(None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_the_watch_lost_enters_too() {
        let changed = pod("old", "uo", 10);
        let world = World::new(found(&changed), found(&changed));
        let patch = json!({});
        world
            .writer
            .patch(&PODS, &old(), None, PatchKind::Merge, &patch)
            .await
            .unwrap();
        world.store.saw_version("11");
        assert!(world.is_settled().await);
        assert_eq!(world.store.state_of("uo"), Some((10, false)));
        assert_eq!(world.store.watch_order(), WatchOrder::Relist);
    }

    // What others do is trusted to the watch, until somebody has waited for it for long.
    #[tokio::test(start_paused = true)]
    async fn a_change_by_others_that_the_watch_lost_is_found_by_a_look() {
        let world = World::new(not_found, found(&pod("old", "uo", 10)));
        world.store.saw_version("11");
        world.own_writes.look_live(&world.store, &old()).await;
        assert_eq!(world.store.state_of("uo"), Some((10, false)));
        assert_eq!(world.store.watch_order(), WatchOrder::Relist);

        let world = World::new(not_found, not_found);
        world.own_writes.look_live(&world.store, &old()).await;
        assert_eq!(world.store.state_of("uo"), None);
    }

    /// The watch gets past the version while the read is on its way.
    #[tokio::test(start_paused = true)]
    async fn what_was_overtaken_on_the_way_is_read_again() {
        let store: Arc<Mutex<Option<Store<Pod>>>> = Arc::default();
        let behind = Arc::clone(&store);
        let world = World::new(found(&pod("a", "ua", 10)), move || {
            if let Some(store) = &*behind.lock().unwrap() {
                store.saw_version("11");
            }
            Answer::Json(200, pod("a", "ua", 10))
        });
        *store.lock().unwrap() = Some(world.store.clone());
        world.create().await.unwrap();
        advance(Duration::from_secs(2)).await;
        // Deleted meanwhile, or lost?
        assert!(!world.is_settled().await);
        assert!(world.store.by_uid("ua").is_none());
        assert!(world.is_settled().await);
        assert!(world.store.by_uid("ua").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_late_watch_doesnt_show_is_read_live_and_enters_the_store() {
    let world = World::new(found(&pod("a", "ua", 10)), found(&pod("a", "ua", 10)));
    world.create().await.unwrap();
    advance(Duration::from_millis(1_900)).await;
    assert!(!world.is_settled().await);
    assert_eq!(world.live_reads(), 0);
    advance(Duration::from_millis(100)).await;
    assert!(world.is_settled().await);
    assert!(world.store.by_uid("ua").is_some());
    // And the watch is given 3 s before it is opened again.
    assert!(matches!(
        world.store.watch_order(),
        WatchOrder::Continue(Some(_))
    ));
    advance(Duration::from_secs(3)).await;
    assert_eq!(world.store.watch_order(), WatchOrder::Reconnect);
    assert_eq!(world.store.watch_order(), WatchOrder::Continue(None));
}

// Otherwise an owner whose watches are all silent would sleep over its own writes.
#[tokio::test(start_paused = true)]
async fn after_a_write_there_is_a_time_to_look_again() {
    let world = World::new(found(&pod("a", "ua", 10)), not_found);
    assert_eq!(world.own_writes.look_again_after(OWNER), None);
    world.create().await.unwrap();
    let look_again = || world.own_writes.look_again_after(OWNER);
    assert_eq!(look_again(), Some(Duration::from_secs(2)));
    advance(Duration::from_secs(3)).await;
    assert_eq!(look_again(), Some(Duration::ZERO));
    assert!(world.is_settled().await);
    assert_eq!(look_again(), None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_catches_up_is_left_alone() {
    let world = World::new(found(&pod("a", "ua", 10)), found(&pod("a", "ua", 10)));
    world.create().await.unwrap();
    advance(Duration::from_secs(2)).await;
    assert!(world.is_settled().await);
    world.store.apply(decoded(pod("a", "ua", 10)));
    advance(Duration::from_secs(3)).await;
    assert_eq!(world.store.watch_order(), WatchOrder::Continue(None));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_by_the_live_read_is_gone_in_the_store() {
    let world = World::new(found(&pod("old", "uo", 10)), not_found);
    let patch = json!({});
    world
        .writer
        .patch(&PODS, &old(), None, PatchKind::Merge, &patch)
        .await
        .unwrap();
    advance(Duration::from_secs(2)).await;
    assert!(world.is_settled().await);
    assert!(world.store.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_read_live_before_anything_else() {
    let taken = || Answer::status(409, "AlreadyExists");
    let world = World::new(taken, found(&pod("a", "ua", 10)));
    let error = world.create().await.unwrap_err();
    assert_eq!(error.category(), "already_exists");
    assert!(world.is_settled().await);
    assert_eq!(world.live_reads(), 1);
    assert!(world.store.by_uid("ua").is_some());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_read_live() {
    let world = World::new(|| Answer::Hang, not_found);
    let start = tokio::time::Instant::now();
    let error = world.create().await.unwrap_err();
    assert!(matches!(error, ApiError::Ambiguous { .. }));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(world.is_settled().await);
    assert_eq!(world.live_reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_settled_while_the_live_read_fails() {
    let world = World::new(broken, broken);
    world.create().await.unwrap_err();
    for _ in 0..3 {
        let Settled::No { again_after, .. } = world.settle().await else {
            panic!()
        };
        assert_eq!(again_after, Duration::from_secs(1));
    }
    advance(Duration::from_secs(300)).await;
    assert!(!world.is_settled().await);
    assert!(world.own_writes.overdue(OWNER));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_brings_the_store_up_to_date_first() {
    let world = World::new(
        || Answer::status(409, "Conflict"),
        found(&pod("old", "uo", 9)),
    );
    let patch = json!({});
    world
        .writer
        .patch(&PODS, &old(), None, PatchKind::Merge, &patch)
        .await
        .unwrap_err();
    assert!(world.is_settled().await);
    assert_eq!(world.store.state_of("uo"), Some((9, false)));
}

mod deletion {
    use super::*;

    async fn deleted(live: impl Fn() -> Answer + Send + 'static) -> World {
        let world = World::new(|| Answer::Json(200, json!({ "kind": "Status" })), live);
        world
            .writer
            .delete(&PODS, &old(), "uo", None)
            .await
            .unwrap();
        assert!(!world.is_settled().await);
        world
    }

    fn terminating(version: u64) -> Value {
        let mut pod = pod("old", "uo", version);
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        pod
    }

    #[tokio::test(start_paused = true)]
    async fn it_carries_the_uid() {
        let world = deleted(not_found).await;
        let call = &world.server.calls()[0];
        assert_eq!(call.body["preconditions"]["uid"], "uo");
        assert_eq!(call.body["propagationPolicy"], "Background");
    }

    // A conflict says that it has changed, or is gone: a look tells.
    #[tokio::test(start_paused = true)]
    async fn in_one_version_only_looks_at_what_has_changed() {
        let conflict = || Answer::status(409, "Conflict");
        let world = World::new(conflict, found(&pod("old", "uo", 9)));
        let refused = world.writer.delete(&PODS, &old(), "uo", Some("7")).await;
        assert!(
            matches!(refused, Err(ApiError::Conflict { .. })),
            "{refused:?}"
        );
        let call = &world.server.calls()[0];
        assert_eq!(
            call.body["preconditions"],
            json!({ "uid": "uo", "resourceVersion": "7" })
        );
        assert!(world.is_settled().await);
        assert_eq!(world.store.state_of("uo"), Some((9, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn is_settled_when_the_pod_is_seen_terminating() {
        let world = deleted(not_found).await;
        world.store.apply(decoded(terminating(9)));
        assert!(world.is_settled().await);
    }

    #[tokio::test(start_paused = true)]
    async fn is_settled_when_the_pod_is_seen_gone() {
        let world = deleted(not_found).await;
        world.store.apply_deleted(&decoded(pod("old", "uo", 9)));
        assert!(world.is_settled().await);
    }

    #[tokio::test(start_paused = true)]
    async fn is_settled_by_a_live_read_that_finds_nothing() {
        let world = deleted(not_found).await;
        advance(Duration::from_secs(2)).await;
        assert!(world.is_settled().await);
        assert!(world.store.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_bookmark_alone_doesnt_settle_it() {
        let world = deleted(not_found).await;
        world.store.saw_version("100");
        assert!(!world.is_settled().await);
    }

    #[tokio::test(start_paused = true)]
    async fn of_an_object_that_was_gone_already_removes_it() {
        let world = World::new(not_found, not_found);
        world
            .writer
            .delete(&PODS, &old(), "uo", None)
            .await
            .unwrap_err();
        assert!(!world.is_settled().await);
        advance(Duration::from_secs(2)).await;
        assert!(world.is_settled().await);
        assert!(world.store.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn owners_dont_wait_for_each_other_and_are_forgotten() {
    let world = World::new(found(&pod("a", "ua", 10)), not_found);
    world.create().await.unwrap();
    assert_eq!(
        world.own_writes.settle("other", &[&world.store]).await,
        Settled::Yes
    );
    world.own_writes.forget(OWNER);
    assert!(world.is_settled().await);
}

#[tokio::test(start_paused = true)]
async fn of_many_late_writes_each_is_read_once() {
    let versions = Arc::new(Mutex::new(10));
    let write = move || {
        let mut version = versions.lock().unwrap();
        *version += 1;
        Answer::Json(200, pod("old", "uo", *version))
    };
    let world = World::new(write, found(&pod("old", "uo", 99)));
    let patch = json!({});
    for _ in 0..5 {
        world
            .writer
            .patch(&PODS, &old(), None, PatchKind::Merge, &patch)
            .await
            .unwrap();
    }
    advance(Duration::from_secs(2)).await;
    assert!(world.is_settled().await);
    assert_eq!(world.live_reads(), 1);
}

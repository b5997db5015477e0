use std::time::Duration;

use http::Method;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use kruise_plan::WaitReason;
use serde_json::json;
use tokio::time::advance;

use crate::{
    control::{
        own_writes::OwnWrites,
        reconcile::Outcome,
        upkeep::{PutOff, Stores, Upkeep},
    },
    tell::metrics::{Metrics, WaitReasons},
    test_server::{Answer, TestServer, pod},
    watch::store::Store,
};

const UID: &str = "owner";
/// The time within which a write should have been seen.
const OVERDUE: Duration = Duration::from_secs(300);

struct World {
    server: TestServer,
    upkeep: Upkeep<u32>,
    pods: Store<Pod>,
    key: ObjectKey,
}

impl World {
    /// A server that has pod `a` in version 10, and a store that has seen version 5.
    fn new() -> Self {
        let server = TestServer::new(|_| Answer::Json(200, pod("a", "ua", 10)));
        let client = server.client();
        let metrics = Metrics::unregistered();
        let own_writes = OwnWrites::new(client.clone(), OVERDUE, metrics.clone());
        let pods = Store::new(PODS);
        pods.replace(vec![], &[], "5");
        Self {
            server,
            upkeep: Upkeep::new(own_writes, client, WaitReasons::new("test", &metrics)),
            pods,
            key: ObjectKey::new("ns", "web"),
        }
    }

    async fn begin(&self) -> Result<(), PutOff> {
        let stores = Stores {
            all: vec![&self.pods],
            pods: Some(&self.pods),
            budgets: None,
        };
        self.upkeep.begin(&self.key, UID, &stores).await
    }

    fn end(&self, waiting_on: &[WaitReason], look_again: Option<Duration>) -> Outcome {
        self.upkeep.end(&self.key, UID, 7, waiting_on, look_again)
    }

    async fn create(&self) {
        let writer = self.upkeep.writer(UID);
        let body = json!({ "metadata": { "name": "a" } });
        writer.create(&PODS, "ns", &body).await.unwrap();
    }

    fn reads(&self) -> usize {
        let calls = self.server.calls();
        calls
            .iter()
            .filter(|call| call.method == Method::GET)
            .count()
    }
}

fn waits_for_a() -> WaitReason {
    WaitReason::PodsNotAvailable {
        pod: "a".to_owned(),
        why: "not ready".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_is_put_off_until_its_own_writes_are_seen() {
    let world = World::new();
    world.begin().await.unwrap();
    world.create().await;
    let put_off = world.begin().await.unwrap_err();
    assert!(!put_off.is_overdue);
    let wait = put_off.outcome.requeue_after.unwrap();
    assert!(wait <= Duration::from_secs(2), "{wait:?}");
    let shown = serde_json::from_value(pod("a", "ua", 10)).unwrap();
    world.pods.apply(shown);
    world.begin().await.unwrap();
    assert_eq!(world.reads(), 0);
}

// Decision 3: if the watch lost an event, the object would otherwise wait until the next list.
#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_read_live_when_it_is_time() {
    let world = World::new();
    let outcome = world.end(&[waits_for_a()], None);
    assert_eq!(outcome.requeue_after, Some(Duration::from_secs(5)));
    world.begin().await.unwrap();
    assert_eq!(world.reads(), 0);
    advance(Duration::from_secs(5)).await;
    world.begin().await.unwrap();
    assert_eq!(world.reads(), 1);
    assert!(world.pods.get(&ObjectKey::new("ns", "a")).is_some());
}

// Pods of a SidecarSet are in many namespaces, and it is in none.
#[tokio::test(start_paused = true)]
async fn a_pod_that_is_named_with_its_namespace_is_read_there() {
    let world = World::new();
    let reason = WaitReason::PodsNotAvailable {
        pod: "shop/a".to_owned(),
        why: "not ready".to_owned(),
    };
    world.end(&[reason], None);
    advance(Duration::from_secs(5)).await;
    world.begin().await.unwrap();
    let calls = world.server.calls();
    assert_eq!(calls[0].path, "/api/v1/namespaces/shop/pods/a");
}

#[tokio::test(start_paused = true)]
async fn the_earliest_look_counts_and_what_is_remembered_is_of_that_object() {
    let world = World::new();
    let soon = Duration::from_secs(3);
    let outcome = world.end(&[waits_for_a()], Some(soon));
    assert_eq!(outcome.requeue_after, Some(soon));
    assert_eq!(world.end(&[], None).requeue_after, None);
    assert_eq!(world.upkeep.memory(&world.key, UID), 7);
    assert_eq!(world.upkeep.memory(&world.key, "made-anew"), 0);
    assert!(!world.upkeep.forget_others(&world.key, Some(UID)));
    assert!(world.upkeep.forget_others(&world.key, Some("made-anew")));
    assert_eq!(world.upkeep.memory(&world.key, UID), 0);
}

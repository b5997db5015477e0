//! Objects that left a label-selected watch. A live read tells whether they are gone or only no longer selected.
//! Those that live stay in the store. They are read again from time to time, since no event about them will come.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use futures::stream::{FuturesUnordered, StreamExt};
use kruise_api::{
    object::Object,
    resource::{ObjectKey, Resource},
};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    api::{client::ApiClient, error::chain},
    watch::{store::Store, store_view::StoreView},
};

/// How often a living stray is read. Strays come from labels edited by hand, so they are few.
const READ_EVERY: Duration = Duration::from_secs(10);
/// How soon a stray is read again when the read failed.
const READ_AGAIN: Duration = Duration::from_secs(2);
/// Bounded: a namespace that was deleted while the watch was away leaves thousands to read.
const READS_AT_ONCE: usize = 8;

type Stray = (ObjectKey, String);

/// Strays, and when to read each.
#[derive(Default)]
struct Strays {
    by_time: BTreeSet<(Instant, Stray)>,
    times: HashMap<Stray, Instant>,
}

impl Strays {
    fn read_at(&mut self, stray: Stray, at: Instant) {
        if let Some(before) = self.times.insert(stray.clone(), at) {
            self.by_time.remove(&(before, stray.clone()));
        }
        self.by_time.insert((at, stray));
    }

    fn next_at(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self) -> Option<Stray> {
        self.next_at().filter(|at| *at <= Instant::now())?;
        let (_, stray) = self.by_time.pop_first()?;
        self.times.remove(&stray);
        Some(stray)
    }
}

/// Verifies strays until the watch ends.
pub(crate) async fn verify<K: Object>(
    client: ApiClient,
    resource: Resource,
    store: Store<K>,
    mut vanished: mpsc::UnboundedReceiver<Stray>,
) {
    let mut strays = Strays::default();
    let mut reads = FuturesUnordered::new();
    loop {
        while reads.len() < READS_AT_ONCE
            && let Some(stray) = strays.take_due()
        {
            reads.push(async {
                let delay = read(&client, &resource, &store, &stray.0, &stray.1).await;
                (stray, delay)
            });
        }
        let next_at = strays.next_at().filter(|_| reads.len() < READS_AT_ONCE);
        tokio::select! {
            biased;
            more = vanished.recv() => {
                let Some(more) = more else { return };
                strays.read_at(more, Instant::now());
            }
            Some((stray, delay)) = reads.next() => {
                if let Some(delay) = delay {
                    strays.read_at(stray, Instant::now() + delay);
                }
            }
            () = until(next_at) => {}
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Reads one stray, and says when to read it again.
async fn read<K: Object>(
    client: &ApiClient,
    resource: &Resource,
    store: &Store<K>,
    key: &ObjectKey,
    uid: &str,
) -> Option<Duration> {
    let before = store.before_read(key);
    let live = match client.get_text(resource, key).await {
        Ok(live) => live,
        Err(error) => {
            tracing::warn!(%resource, object = %key, error = chain(&error), "can't read what vanished");
            return Some(READ_AGAIN);
        }
    };
    let decoded = live.map(|live| serde_json::from_str(live.get()));
    let live: Option<K> = match decoded.transpose() {
        Ok(live) => live,
        Err(error) => {
            tracing::error!(%resource, object = %key, %error, "can't decode what vanished");
            return Some(READ_EVERY);
        }
    };
    match live.filter(|live| live.meta().uid == uid) {
        None => {
            store.stray_gone(key, uid);
            None
        }
        Some(live) if store.selects(&live) => {
            // The object has its label again, so the watch reports it. The watch may be later than this read.
            store.inject_after(key, uid, Some(live), &before);
            None
        }
        Some(live) => {
            tracing::info!(%resource, object = %key, "an object is no longer selected, but lives");
            store.stray_alive(live, &before);
            Some(READ_EVERY)
        }
    }
}

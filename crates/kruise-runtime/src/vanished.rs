//! Objects that left a label-selected watch. Whether they are gone or only no longer selected, a live
//! read tells; those that live stay in the store, read again from time to time, since no event about
//! them will come.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    api_error::chain,
    client::ApiClient,
    object::Object,
    resource::{ObjectKey, Resource},
    store::Store,
};

/// How often a living stray is read. Strays come from labels edited by hand, so they are few.
const READ_EVERY: Duration = Duration::from_secs(10);
/// After a failed read, and for an object whose state couldn't be read.
const READ_AGAIN: Duration = Duration::from_secs(2);

/// Never returns before the watch ends.
pub(crate) async fn verify<K: Object>(
    client: ApiClient,
    resource: Resource,
    store: Store<K>,
    mut vanished: mpsc::UnboundedReceiver<(ObjectKey, String)>,
) {
    let mut strays: BTreeMap<(ObjectKey, String), Instant> = BTreeMap::new();
    loop {
        let next = strays
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(stray, at)| (stray.clone(), *at));
        let Some((stray, at)) = next else {
            let Some(stray) = vanished.recv().await else {
                return;
            };
            strays.insert(stray, Instant::now());
            continue;
        };
        tokio::select! {
            more = vanished.recv() => {
                let Some(more) = more else { return };
                strays.insert(more, Instant::now());
            }
            () = tokio::time::sleep_until(at) => {
                match read(&client, &resource, &store, &stray.0, &stray.1).await {
                    Some(delay) => strays.insert(stray, Instant::now() + delay),
                    None => strays.remove(&stray),
                };
            }
        }
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
    let live = match client.get(resource, key).await {
        Ok(live) => live,
        Err(error) => {
            tracing::warn!(%resource, object = %key, error = chain(&error), "can't read what vanished");
            return Some(READ_AGAIN);
        }
    };
    let live: Option<K> = match live.map(serde_json::from_value).transpose() {
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
            // It has its label again, so the watch tells of it; this may be earlier.
            store.inject(key, uid, Some(live));
            None
        }
        Some(live) => {
            tracing::info!(%resource, object = %key, "an object is no longer selected, but lives");
            store.stray_alive(live);
            Some(READ_EVERY)
        }
    }
}

//! Whether a store is as new as the API server is now: for those who must not decide on what is older than the moment in
//! which they are asked. The start of reconcilers looks at the version of a whole list instead (`process/start.rs`). That
//! version grows with each write of any kind, so a watch in which nothing happens would have to list again each time.

use std::{sync::Arc, time::Duration};

use kruise_api::resource::Resource;
use tokio::time::{Instant, sleep};

use crate::{
    api::{client::ApiClient, error::ApiError},
    rounds::Rounds,
    watch::store_view::StoreView,
};

/// A watch tells of a change within milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A watch that hasn't told of a change after this time is asked for a list.
const LIST_AFTER: Duration = Duration::from_millis(500);

/// Waits until a store is as new as the API server. Clones share their questions to the API server.
#[derive(Clone)]
pub struct Freshness {
    inner: Arc<Inner>,
}

struct Inner {
    client: ApiClient,
    namespace: String,
    store: Arc<dyn StoreView>,
    questions: Rounds<(), Result<(), Arc<ApiError>>>,
}

impl Freshness {
    /// Of a store whose watch shows this namespace; empty: all of them.
    #[must_use]
    pub fn new(client: ApiClient, namespace: &str, store: Arc<dyn StoreView>) -> Self {
        Self {
            inner: Arc::new(Inner {
                client,
                namespace: namespace.to_owned(),
                store,
                questions: Rounds::default(),
            }),
        }
    }

    /// Returns when the store shows every write of its kind that was done when this was called. Never, while the watch
    /// gets no further: the caller says how long it waits.
    ///
    /// # Errors
    /// When the API server can't be asked; `NotFound` when it doesn't know the kind.
    pub async fn as_new_as_now(&self) -> Result<(), Arc<ApiError>> {
        let Inner {
            client,
            namespace,
            store,
            questions,
        } = &*self.inner;
        // Whoever asks meanwhile waits for the next round, and costs nothing while waiting.
        let round = async |()| {
            let resource: Resource = store.resource();
            let newest = client.newest_version(&resource, namespace).await;
            until_shown(&**store, newest.map_err(Arc::new)?).await;
            Ok(())
        };
        questions.join(|()| {}, round).await
    }
}

/// Returns when the store shows all writes of its kind up to this version. Events come in the order of their versions, so
/// whoever has seen the newest object has seen all before it.
async fn until_shown(store: &dyn StoreView, newest: u64) {
    let mut list_at = Instant::now() + LIST_AFTER;
    while !store.synced() || store.newest_version() < newest {
        sleep(LOOK_EVERY).await;
        if Instant::now() >= list_at {
            store.want_list();
            store.hurry_watch();
            list_at = Instant::now() + LIST_AFTER;
        }
    }
    // What others keep beside the store is as new then, too.
    store.wait_for_handlers();
}

//! Webhooks of a process that serves nobody but the test it runs in: reviews in, reviews out, without TLS, and without
//! threads that would let chance in.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    routes::{Route, Routes},
    service::handle,
};
use crate::api::error::chain;

type Served = BTreeMap<String, Arc<Route>>;

/// What a process in process answers at which path. Clones are the same. It is empty until the process has set its
/// apps up, and again when the process is gone.
#[derive(Clone, Default)]
pub struct InProcessWebhooks {
    served: Arc<Mutex<Option<Served>>>,
}

/// As long as this lives, the webhooks are served.
pub(crate) struct Serving {
    webhooks: InProcessWebhooks,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.webhooks.set(None);
    }
}

impl InProcessWebhooks {
    /// Answers a review of admission or conversion, given as JSON. `None`: nobody listens, as when a connection is
    /// refused. A conversion never pauses, and neither does an admission that asks the API server nothing.
    ///
    /// # Errors
    /// What the server would have answered instead of a review.
    pub async fn call(&self, path: &str, review: &[u8]) -> Option<Result<Vec<u8>, String>> {
        let route = self.served()?.get(path).cloned()?;
        let answer = handle(&route, review).await;
        Some(answer.map_err(|refusal| chain(&refusal)))
    }

    /// The paths that are served now.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let served = self.served().unwrap_or_default();
        served.into_keys().collect()
    }

    pub(crate) fn serve(&self, routes: Routes) -> Serving {
        let routes = routes.into_routes().into_iter();
        let served = routes.map(|route| (route.path.clone(), Arc::new(route)));
        self.set(Some(served.collect()));
        Serving {
            webhooks: self.clone(),
        }
    }

    fn served(&self) -> Option<Served> {
        let served = self.served.lock();
        served.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, served: Option<Served>) {
        let lock = self.served.lock();
        *lock.unwrap_or_else(PoisonError::into_inner) = served;
    }
}

//! Looking pods and budgets up. The indexes know nearly all. What they don't know yet must not let a protected pod go, so
//! that the API server is asked (DV-PB9).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::{
    resource::{ObjectKey, PODS},
    validation::is_dns_subdomain,
};
use kruise_runtime::{ApiClient, ApiError, Store};
use tokio::time::Instant;

use crate::{budget::Budget, newest, pod::BudgetPod};

/// How long it is remembered that a budget does not exist. One that comes within this time protects nothing before its
/// first status is written (PB-38.5), which takes longer.
const ABSENT_FOR: Duration = Duration::from_secs(1);
/// So many absent budgets are remembered at most.
const MOST_ABSENT: usize = 1000;

/// Looks pods and budgets up.
pub struct Lookup {
    /// Pods of all namespaces.
    pub pods: Store<BudgetPod>,
    /// Budgets of all namespaces.
    pub budgets: Store<Budget>,
    /// Asks the API server.
    pub client: ApiClient,
    /// Gate `InPlaceWorkloadVerticalScaling`.
    pub vertical_scaling: bool,
    /// Budgets that the API server did not have, and since when.
    pub absent: Absent,
}

/// Budgets that do not exist, as far as was found lately.
#[derive(Default)]
pub struct Absent {
    since: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Lookup {
    /// The budget of this name; `None`: there is none (PB-38.3).
    ///
    /// # Errors
    /// When the index does not know it, and the API server can't be asked.
    pub async fn budget(&self, key: &ObjectKey) -> Result<Option<Arc<Budget>>, ApiError> {
        if let Some(budget) = self.budgets.get(key) {
            return Ok(Some(budget));
        }
        // An annotation says what somebody wrote. What can't be a name must not become a path that leads elsewhere.
        if !is_dns_subdomain(&key.name) || self.absent.has(key) {
            return Ok(None);
        }
        let live = match newest::live(&self.client, key).await {
            // There is no such kind.
            Err(ApiError::NotFound { .. }) => None,
            live => live?,
        };
        if live.is_none() {
            self.absent.note(key);
        }
        Ok(live)
    }

    /// The pod that is to be evicted; `None`: there is none (PB-36). An eviction does not bring its pod along. What the
    /// index shows may be a moment old, so it is asked live about a pod that could go free although its budget is at stake:
    /// one that the index does not show, or shows unlinked or not serving, in a namespace with budgets (DV-PB9).
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn evicted(&self, key: &ObjectKey) -> Result<Option<Arc<BudgetPod>>, ApiError> {
        if let Some(pod) = self.pods.get(key)
            && self.may_be_judged(&pod)
        {
            return Ok(Some(pod));
        }
        if !is_dns_subdomain(&key.name) {
            return Ok(None);
        }
        let Some(live) = self.client.get(&PODS, key).await? else {
            return Ok(None);
        };
        let pod = serde_json::from_value(live).map_err(|error| ApiError::Answer {
            call: format!("get {PODS} {key}"),
            source: error.into(),
        })?;
        Ok(Some(Arc::new(pod)))
    }

    /// Whether the index's word will do.
    fn may_be_judged(&self, pod: &BudgetPod) -> bool {
        let is_judged_by_budget =
            pod.budget().is_some() && pod.is_in_service(self.vertical_scaling);
        let nobody_protects = || {
            let namespace = &pod.metadata.namespace;
            pod.budget().is_none() && self.budgets.in_namespace(namespace).is_empty()
        };
        is_judged_by_budget || nobody_protects()
    }
}

impl Absent {
    fn has(&self, key: &ObjectKey) -> bool {
        let since = self.since();
        since.get(key).is_some_and(|at| at.elapsed() < ABSENT_FOR)
    }

    fn note(&self, key: &ObjectKey) {
        let mut since = self.since();
        if since.len() >= MOST_ABSENT {
            since.retain(|_, at| at.elapsed() < ABSENT_FOR);
        }
        if since.len() < MOST_ABSENT {
            since.insert(key.clone(), Instant::now());
        }
    }

    fn since(&self) -> MutexGuard<'_, HashMap<ObjectKey, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

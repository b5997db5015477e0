//! Looking pods and budgets up. The indexes know nearly all. What they don't know yet must not let a protected pod go, so
//! that the API server is asked (DV-PB9).

use std::sync::Arc;

use kruise_api::{
    resource::{ObjectKey, PODS},
    validation::is_dns_subdomain,
};
use kruise_runtime::{ApiClient, ApiError, Store};

use crate::{budget::Budget, newest::Newest, pod::BudgetPod};

/// Looks pods and budgets up.
pub struct Lookup {
    /// Pods of all namespaces.
    pub pods: Store<BudgetPod>,
    /// Budgets of all namespaces.
    pub budgets: Store<Budget>,
    /// Asks the API server, and writes statuses; every replica does.
    pub client: ApiClient,
    /// The newest copies of budgets.
    pub newest: Newest,
}

impl Lookup {
    /// The budget of this name; `None`: there is none (PB-38.3). That there is none is not remembered: the first status of
    /// one that comes may be written, and protect, within milliseconds.
    ///
    /// # Errors
    /// When the index does not know it, and the API server can't be asked.
    pub async fn budget(&self, key: &ObjectKey) -> Result<Option<Arc<Budget>>, Arc<ApiError>> {
        if let Some(budget) = self.budgets.get(key) {
            return Ok(Some(budget));
        }
        // An annotation says what somebody wrote. What can't be a name must not become a path that leads elsewhere.
        if !is_dns_subdomain(&key.name) {
            return Ok(None);
        }
        self.newest.stored(&self.client, key).await
    }

    /// The pod that is to be evicted; `None`: there is none (PB-36). An eviction does not bring its pod along. What the
    /// index shows may be old, and would let the pod go though its budget is at stake, or hold up one that serves no more.
    /// So it is asked live where there are budgets (DV-PB9).
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn evicted(&self, key: &ObjectKey) -> Result<Option<Arc<BudgetPod>>, ApiError> {
        if let Some(pod) = self.pods.get(key)
            && pod.budget().is_none()
            && self.budgets.in_namespace(&key.namespace).is_empty()
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
}

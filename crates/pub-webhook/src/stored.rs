//! Budgets as they are stored now. Who asks at the same moment shares one read, which never began before he asked.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kruise_api::{policy::v1beta1::PODUNAVAILABLEBUDGETS, resource::ObjectKey};
use kruise_runtime::{ApiClient, ApiError, Rounds};

use crate::budget::Budget;

/// Reads of so many budgets may be remembered before those are forgotten that nobody waits for.
const MANY: usize = 1000;

type Read = Result<Option<Arc<Budget>>, Arc<ApiError>>;
type Reads = Rounds<(), Read>;

/// Reads budgets live.
#[derive(Default)]
pub struct Stored {
    reads: Mutex<HashMap<ObjectKey, Arc<Reads>>>,
}

impl Stored {
    /// The budget as it is stored now; `None`: there is none.
    ///
    /// # Errors
    /// When the API server can't be asked, or its answer is no budget.
    pub async fn read(&self, client: &ApiClient, key: &ObjectKey) -> Read {
        let read = async |()| read(client, key).await.map_err(Arc::new);
        self.of(key).join(|()| {}, read).await
    }

    fn of(&self, key: &ObjectKey) -> Arc<Reads> {
        let mut reads = self.reads();
        if reads.len() >= MANY && !reads.contains_key(key) {
            reads.retain(|_, read| Arc::strong_count(read) > 1);
        }
        Arc::clone(reads.entry(key.clone()).or_default())
    }

    fn reads(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<Reads>>> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(client: &ApiClient, key: &ObjectKey) -> Result<Option<Arc<Budget>>, ApiError> {
    let live = match client.get(&PODUNAVAILABLEBUDGETS, key).await {
        // There is no such kind.
        Ok(None) | Err(ApiError::NotFound { .. }) => return Ok(None),
        Ok(Some(live)) => live,
        Err(error) => return Err(error),
    };
    let budget = serde_json::from_value(live).map_err(|error| ApiError::Answer {
        call: format!("get {PODUNAVAILABLEBUDGETS} {key}"),
        source: error.into(),
    })?;
    Ok(Some(Arc::new(budget)))
}

//! Counts what is active below an object, by lists from the API server: live, so that they are never stale and need no
//! memory but for a page; of metadata alone, where that tells enough; and within a bounded time (DV-DP3).

use std::time::Duration;

use kruise_api::{
    meta::ObjectMeta,
    resource::{NamedResource, PERSISTENT_VOLUME_CLAIMS, PODS},
};
use kruise_runtime::{ApiClient, ApiError, ListPage, ListQuery, chain};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::judge::{Below, Counted};

/// How long a request waits for lists. The API server waits 10 s for the answer: see `timeoutSeconds` of these webhooks
/// in xtask/src/deployables.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// Objects in a page. Metadata with its managed fields is some kilobytes for each.
const PAGE: u32 = 500;
/// The phases in which a pod counts, as the API server selects by them.
const NOT_ENDED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Counts by asking the API server.
#[derive(Clone, Debug)]
pub struct Counter {
    client: ApiClient,
}

/// What of an object tells whether it counts.
#[derive(Deserialize)]
struct Listed {
    metadata: Option<ObjectMeta>,
    status: Option<ListedStatus>,
}

#[derive(Deserialize)]
struct ListedStatus {
    phase: Option<String>,
}

/// Why not all were counted.
#[derive(Debug, thiserror::Error)]
enum CountError {
    #[error(transparent)]
    List(#[from] ApiError),
    #[error("an object in the list can't be read")]
    Object(#[source] serde_json::Error),
    #[error("not listed within {} s", PATIENCE.as_secs())]
    Late,
}

impl Counter {
    /// Counts by this client.
    #[must_use]
    pub fn new(client: ApiClient) -> Self {
        Self { client }
    }

    /// Counts as many as it can until then.
    pub async fn count(&self, below: &Below, until: Instant) -> Counted {
        let mut counted = Counted::default();
        let all = self.add_all(below, &mut counted.active);
        let ended = timeout_at(until, all).await;
        let ended = ended.unwrap_or(Err(CountError::Late));
        counted.missing = ended.err().map(|error| chain(&error));
        counted
    }

    async fn add_all(&self, below: &Below, active: &mut usize) -> Result<(), CountError> {
        let mut after = None;
        loop {
            let page = self.page(below, after.as_deref()).await?;
            for item in &page.items {
                *active += usize::from(is_active(below, item)?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn page(&self, below: &Below, after: Option<&str>) -> Result<ListPage, ApiError> {
        let query = ListQuery {
            limit: Some(PAGE),
            after,
            ..ListQuery::default()
        };
        match below {
            Below::Pods { namespace } => {
                let query = ListQuery {
                    namespace,
                    field_selector: Some(NOT_ENDED),
                    ..query
                };
                let pods = NamedResource::from(PODS);
                self.client.list_metadata_page(&pods, query).await
            }
            // Their phase is no field that one can select by.
            Below::Claims { namespace } => {
                let query = ListQuery { namespace, ..query };
                self.client
                    .list_page(&PERSISTENT_VOLUME_CLAIMS, query)
                    .await
            }
            Below::CustomResources { resource, .. } => {
                self.client.list_metadata_page(resource, query).await
            }
        }
    }
}

fn is_active(below: &Below, item: &RawValue) -> Result<bool, CountError> {
    let Listed { metadata, status } =
        serde_json::from_str(item.get()).map_err(CountError::Object)?;
    let stays = !metadata.unwrap_or_default().is_terminating();
    Ok(match below {
        Below::Claims { .. } => {
            let phase = status.and_then(|status| status.phase);
            stays && phase.as_deref() == Some("Bound")
        }
        Below::Pods { .. } | Below::CustomResources { .. } => stays,
    })
}

//! Look-ups of kinds of others, of which the API server is asked.

use std::time::Duration;

use kruise_api::white_list::ListedWorkload;
use kruise_runtime::ApiClient;

use crate::{
    error::Cause,
    look_ups::{Existing, Scale},
    reference::Reference,
};

/// How old an answer may be, and how long one is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) max_age: Duration,
    pub(crate) patience: Duration,
}

impl Freshness {
    /// A webhook has three seconds in all.
    pub(crate) const OF_ADMISSION: Self = Self {
        max_age: Duration::from_secs(5),
        patience: Duration::from_secs(1),
    };
    /// Nothing else wakes a reconciler when such a workload changes, so it must not count by an older state than now.
    pub(crate) const OF_RECONCILERS: Self = Self {
        max_age: Duration::ZERO,
        patience: Duration::from_secs(10),
    };
}

/// What the API server is asked, and what it said a moment ago.
pub(crate) struct Custom {
    client: ApiClient,
    freshness: Freshness,
}

impl Custom {
    pub(crate) fn new(client: ApiClient, freshness: Freshness) -> Self {
        Self { client, freshness }
    }

    pub(crate) async fn replicas(
        &self,
        asked: &Reference,
        _listed: &ListedWorkload,
    ) -> Result<Option<Existing>, Cause> {
        self.object(asked).await
    }

    pub(crate) async fn scale(&self, _asked: &Reference) -> Result<Option<Scale>, Cause> {
        Ok(None)
    }

    /// The look-ups that wait are not there yet: nothing is found.
    pub(crate) async fn object(&self, _asked: &Reference) -> Result<Option<Existing>, Cause> {
        let _ = (
            &self.client,
            self.freshness.max_age,
            self.freshness.patience,
        );
        Ok(None)
    }
}

//! What the leader does: writes both configurations, wider at once, narrower from time to time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::resource::{CUSTOM_RESOURCE_DEFINITIONS, ObjectKey, PatchKind, Resource};
use kruise_runtime::{
    ApiClient, ApiError, Consequence, Outcome, ReconcileError, Reconciler, Store, StoreView,
};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    configuration::{self, Wanted},
    coverage::Coverage,
    extent::Extent,
    metrics::ScopeMetrics,
};
use crate::{budget::Budget, gates::Gates};

/// How often the configurations are looked at when no budget comes or goes: others may have changed them.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Between two writes that make nothing wider: budgets often come and go together.
const NARROW_EVERY: Duration = Duration::from_secs(5);

/// One configuration.
pub(crate) struct Place {
    pub(crate) resource: Resource,
    pub(crate) key: ObjectKey,
}

/// Keeps the configurations.
pub(crate) struct Keeper {
    pub(crate) places: [Place; 2],
    pub(crate) client: ApiClient,
    pub(crate) budgets: Store<Budget>,
    pub(crate) gates: Gates,
    /// Whether namespaces are named at all.
    pub(crate) narrows: bool,
    pub(crate) coverage: Coverage,
    pub(crate) metrics: ScopeMetrics,
    pub(crate) narrowed: Mutex<Option<Instant>>,
}

/// Why the configurations can't be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScopeError {
    /// A configuration can't be read.
    #[error("can't read the configuration of the webhooks for pods")]
    Read(#[source] ApiError),
    /// A configuration can't be changed.
    #[error("can't change the configuration of the webhooks for pods")]
    Write(#[source] ApiError),
    /// It isn't known whether budgets are installed.
    #[error("can't tell whether PodUnavailableBudgets are installed")]
    Definition(#[source] ApiError),
    /// Budgets are installed, and not served.
    #[error("PodUnavailableBudgets are installed and not served yet")]
    NotServed,
}

impl ReconcileError for ScopeError {
    fn category(&self) -> &'static str {
        match self {
            Self::Read(source) | Self::Write(source) | Self::Definition(source) => {
                source.category()
            }
            Self::NotServed => "not_served",
        }
    }

    fn consequence(&self) -> Consequence {
        Consequence::BackOff
    }
}

/// The one key that is reconciled.
pub(crate) fn key() -> ObjectKey {
    ObjectKey::new("", "webhooks")
}

impl Reconciler for Keeper {
    type Error = ScopeError;

    async fn reconcile(&self, _: &ObjectKey) -> Result<Outcome, ScopeError> {
        let has_budgets = |namespace: &str| !self.budgets.in_namespace(namespace).is_empty();
        self.coverage.only(has_budgets);
        self.budgets_are_known().await?;
        let mut objects = Vec::new();
        for place in &self.places {
            let read = self.client.get(&place.resource, &place.key).await;
            objects.push((place, read.map_err(ScopeError::Read)?));
        }
        // Where nobody asks, nobody needs to be told.
        let found = objects.iter().filter_map(|(_, object)| object.as_ref());
        let found = found.filter_map(configuration::found).reduce(Extent::and);
        let found = found.unwrap_or(Extent::Everything);
        self.coverage.found(found.clone());
        self.metrics.tell(&found);

        let wanted = Wanted {
            namespaces: self.namespaces(),
            gates: self.gates,
        };
        let changes: Vec<(&Place, Value)> = objects
            .iter()
            .filter_map(|(place, object)| {
                Some((*place, configuration::revise(object.as_ref()?, &wanted)?))
            })
            .collect();
        if changes.is_empty() {
            return Ok(after(LOOK_EVERY));
        }
        if found.has_all(&wanted.namespaces) && self.narrowed_lately() {
            return Ok(after(NARROW_EVERY));
        }
        self.coverage.narrows_to(&wanted.namespaces);
        for (place, patch) in &changes {
            self.write(place, patch).await?;
        }
        *self.last_narrowing() = Some(Instant::now());
        self.metrics.tell(&wanted.namespaces);
        self.coverage.written(wanted.namespaces);
        Ok(after(LOOK_EVERY))
    }
}

impl Keeper {
    async fn write(&self, place: &Place, patch: &Value) -> Result<(), ScopeError> {
        let written = self
            .client
            .patch(&place.resource, &place.key, None, PatchKind::Merge, patch)
            .await;
        let stored = written.map_err(ScopeError::Write)?;
        if !configuration::keeps_conditions(patch, &stored) {
            tracing::warn!(
                configuration = place.key.name,
                "the API server drops match conditions, as before Kubernetes 1.28: it asks about every pod"
            );
        }
        Ok(())
    }

    /// An API server that starts may not serve a kind for a moment. Only where there is no definition there are no objects.
    async fn budgets_are_known(&self) -> Result<(), ScopeError> {
        if !StoreView::kind_missing(&self.budgets) {
            return Ok(());
        }
        let kind = StoreView::resource(&self.budgets);
        let key = ObjectKey::new("", format!("{}.{}", kind.plural, kind.group));
        let definition = self.client.get(&CUSTOM_RESOURCE_DEFINITIONS, &key).await;
        match definition.map_err(ScopeError::Definition)? {
            None => Ok(()),
            Some(_) => Err(ScopeError::NotServed),
        }
    }

    fn namespaces(&self) -> Extent {
        if !self.narrows {
            return Extent::Everything;
        }
        let budgets = self.budgets.all();
        Extent::of(budgets.iter().map(|it| it.metadata().namespace.clone()))
    }

    fn narrowed_lately(&self) -> bool {
        let last = *self.last_narrowing();
        last.is_some_and(|at| at.elapsed() < NARROW_EVERY)
    }

    fn last_narrowing(&self) -> MutexGuard<'_, Option<Instant>> {
        self.narrowed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(time: Duration) -> Outcome {
    Outcome {
        requeue_after: Some(time),
    }
}

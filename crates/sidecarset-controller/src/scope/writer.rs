//! Reads and writes the webhook's configuration.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kruise_api::resource::{MUTATING_WEBHOOK_CONFIGURATIONS, ObjectKey, PatchKind};
use kruise_runtime::{ApiClient, ApiError, Clock, chain};

use super::{
    configuration::{Configuration, Revision},
    error::ScopeError,
    extent::Extent,
    metrics::ScopeMetrics,
    record::Fresh,
};

/// Reads and writes the configuration. Clones are of one process.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) client: ApiClient,
    /// Name of the configuration.
    pub(crate) name: String,
    /// Namespace of the installation.
    pub(crate) namespace: String,
    pub(crate) clock: Clock,
    pub(crate) metrics: ScopeMetrics,
    /// Whether the API server is known to drop or to refuse match conditions.
    pub(crate) without_conditions: Arc<AtomicBool>,
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// There was none to make.
    Needless,
    /// It is made.
    Made,
    /// The API server drops conditions, or refuses them. The scope has to be everything.
    Refused,
}

impl Writer {
    /// The configuration as it is now; `None`: there is none, or none of ours.
    pub(crate) async fn read(&self) -> Result<Option<Configuration>, ScopeError> {
        let key = self.key();
        let object = self.client.get(&MUTATING_WEBHOOK_CONFIGURATIONS, &key);
        let object = object.await.map_err(ScopeError::Read)?;
        let configuration = object.and_then(Configuration::read);
        if let Some(configuration) = &configuration {
            let extent = configuration.widest_extent();
            self.metrics.tell(&extent, configuration.number());
        }
        Ok(configuration)
    }

    /// Has the API server ask about these pods, and has those wait, if nobody has changed the configuration since it was
    /// read.
    pub(crate) async fn revise(
        &self,
        found: &Configuration,
        extent: Extent,
        fresh: Vec<Fresh>,
    ) -> Result<Change, ScopeError> {
        let now = self.clock.now();
        let Some(revision) = found.revise(extent, fresh, &self.namespace, now) else {
            return Ok(Change::Needless);
        };
        let Revision { patch, record, .. } = revision;
        let key = self.key();
        let kind = PatchKind::Merge;
        let written = self
            .client
            .patch(&MUTATING_WEBHOOK_CONFIGURATIONS, &key, None, kind, &patch)
            .await;
        let stored = match written {
            Ok(stored) => stored,
            // A policy that refuses the write says nothing of what the server knows.
            Err(error @ ApiError::Invalid { .. })
                if error.message().contains("matchConditions") =>
            {
                self.do_without_conditions(&chain(&error));
                return Ok(Change::Refused);
            }
            Err(error) => return Err(ScopeError::Write(error)),
        };
        let stored = Configuration::read(stored);
        if stored.is_some_and(|stored| !stored.keeps_conditions()) {
            self.do_without_conditions("match conditions are dropped, as before Kubernetes 1.28");
            return Ok(Change::Refused);
        }
        self.metrics.tell(&record.extent, record.number);
        Ok(Change::Made)
    }

    /// Has the API server ask about all pods, and adds nothing to the configuration.
    pub(crate) async fn widen_to_everything(
        &self,
        found: &Configuration,
    ) -> Result<Change, ScopeError> {
        self.revise(found, Extent::everything(), vec![]).await
    }

    pub(crate) fn is_without_conditions(&self) -> bool {
        self.without_conditions.load(Ordering::Relaxed)
    }

    fn do_without_conditions(&self, why: &str) {
        if !self.without_conditions.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "the API server asks the pod webhook about every pod");
        }
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::new("", self.name.as_str())
    }
}

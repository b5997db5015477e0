//! Which namespaces the API server asks about, and since when.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::extent::Extent;

/// How long after a configuration was made wider it counts as used by every API server. Each is told by a watch, usually
/// within milliseconds.
const IN_USE_AFTER: Duration = Duration::from_secs(1);
/// How long a budget waits for that. Where the configuration can't be written, deletion is protected all the same.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked while it waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the leader knows of the configurations. Clones share it.
#[derive(Clone, Default)]
pub struct Coverage {
    inner: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// What is asked about; nothing is known before the first look.
    extent: Option<Extent>,
    /// When namespaces were added lately.
    added: HashMap<String, Instant>,
    /// Since when somebody waits.
    waiting: HashMap<String, Instant>,
}

impl Coverage {
    /// How long the reconciler has to wait before a budget of this namespace may begin to protect; `None`: not at all.
    #[must_use]
    pub fn wait_for(&self, namespace: &str) -> Option<Duration> {
        let mut known = self.known();
        let is_asked = known.extent.as_ref().is_some_and(|it| it.has(namespace));
        if is_asked {
            let added = known.added.get(namespace).copied();
            let left = added.map(|at| IN_USE_AFTER.saturating_sub(at.elapsed()));
            let left = left.filter(|left| !left.is_zero());
            if left.is_none() {
                known.added.remove(namespace);
                known.waiting.remove(namespace);
            }
            return left;
        }
        let since = known.waiting.entry(namespace.to_owned());
        let waited = since.or_insert_with(Instant::now).elapsed();
        if waited < PATIENCE {
            return Some(LOOK_EVERY);
        }
        tracing::warn!(namespace, "evictions in this namespace may not be asked about");
        None
    }

    /// The API server was found to ask about these, or there is nothing that could be written.
    pub(crate) fn found(&self, extent: Extent) {
        self.known().extent = Some(extent);
    }

    /// The configuration is about to be made narrower: from now on nobody counts on the rest.
    pub(crate) fn narrows_to(&self, extent: &Extent) {
        let mut known = self.known();
        let left = known.extent.take().map(|it| it.and(extent.clone()));
        known.extent = left;
    }

    /// The configuration is written.
    pub(crate) fn written(&self, extent: Extent) {
        let mut known = self.known();
        if let Extent::These(namespaces) = &extent {
            let before = known.extent.clone().unwrap_or_else(Extent::nothing);
            let added = namespaces.iter().filter(|it| !before.has(it));
            let added: Vec<_> = added.map(|it| (it.clone(), Instant::now())).collect();
            known.added.extend(added);
            known.added.retain(|namespace, _| namespaces.contains(namespace));
        }
        known.extent = Some(extent);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    // Decision 10
    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_added_waits_a_second() {
        let coverage = Coverage::default();
        assert!(coverage.wait_for("shop").is_some());
        coverage.found(Extent::of(["web"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert!(coverage.wait_for("shop").is_some());
        coverage.written(Extent::of(["web", "shop"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert_eq!(coverage.wait_for("shop"), Some(SECOND));
        tokio::time::sleep(SECOND).await;
        assert_eq!(coverage.wait_for("shop"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_away_is_not_counted_on() {
        let coverage = Coverage::default();
        coverage.found(Extent::Everything);
        coverage.narrows_to(&Extent::of(["web"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert!(coverage.wait_for("shop").is_some());
    }

    // A budget protects from deletion, though its namespace can't be told to the API server.
    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let coverage = Coverage::default();
        assert!(coverage.wait_for("shop").is_some());
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(coverage.wait_for("shop"), None);
    }
}

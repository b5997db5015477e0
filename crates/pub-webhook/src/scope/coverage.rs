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
/// What was seen of the configurations longer ago says nothing: another replica may have led meanwhile. The leader looks
/// every 30 s.
const STANDS_FOR: Duration = Duration::from_secs(45);
/// How often is looked while it waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What the leader knows of the configurations. Clones share it.
#[derive(Clone, Default)]
pub struct Coverage {
    inner: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// What is asked about, and when that was seen; nothing is known before the first look.
    extent: Option<(Extent, Instant)>,
    /// When namespaces were added lately.
    added: HashMap<String, Instant>,
    /// Since when somebody waits, and whether it was told that this was in vain.
    waiting: HashMap<String, (Instant, bool)>,
}

impl Known {
    fn extent(&self) -> Option<&Extent> {
        let (extent, seen) = self.extent.as_ref()?;
        (seen.elapsed() < STANDS_FOR).then_some(extent)
    }

    fn saw(&mut self, extent: Extent) {
        self.extent = Some((extent, Instant::now()));
    }
}

impl Coverage {
    /// How long the reconciler has to wait before a budget of this namespace may begin to protect; `None`: not at all.
    #[must_use]
    pub fn wait_for(&self, namespace: &str) -> Option<Duration> {
        let mut known = self.known();
        let is_asked = known.extent().is_some_and(|it| it.has(namespace));
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
        let waiting = known.waiting.entry(namespace.to_owned());
        let (since, is_told) = waiting.or_insert_with(|| (Instant::now(), false));
        if since.elapsed() < PATIENCE {
            return Some(LOOK_EVERY);
        }
        if !std::mem::replace(is_told, true) {
            tracing::warn!(
                namespace,
                "evictions in this namespace may not be asked about"
            );
        }
        None
    }

    /// The API server was found to ask about these, or there is nothing that could be written.
    pub(crate) fn found(&self, extent: Extent) {
        self.known().saw(extent);
    }

    /// The configuration is about to be made narrower: from now on nobody counts on the rest.
    pub(crate) fn narrows_to(&self, extent: &Extent) {
        let mut known = self.known();
        if let Some((before, _)) = known.extent.take() {
            known.saw(before.and(extent.clone()));
        }
    }

    /// The configuration is written.
    pub(crate) fn written(&self, extent: Extent) {
        let mut known = self.known();
        if let Extent::These(namespaces) = &extent {
            let before = known.extent().cloned().unwrap_or_else(Extent::nothing);
            let added = namespaces.iter().filter(|it| !before.has(it));
            let added: Vec<_> = added.map(|it| (it.clone(), Instant::now())).collect();
            known.added.extend(added);
            known
                .added
                .retain(|namespace, _| namespaces.contains(namespace));
        }
        known.saw(extent);
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

    // Another replica may have led since.
    #[tokio::test(start_paused = true)]
    async fn what_was_seen_long_ago_is_not_counted_on() {
        let coverage = Coverage::default();
        coverage.found(Extent::Everything);
        tokio::time::sleep(45 * SECOND).await;
        assert!(coverage.wait_for("web").is_some());
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

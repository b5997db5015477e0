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
    /// What is asked about, and when that was seen last; nothing is known before the first look.
    seen: Option<(Extent, Instant)>,
    /// Since when namespaces are known to be asked about by name.
    since: HashMap<String, Instant>,
    /// Since when all namespaces are.
    all_since: Option<Instant>,
    /// Since when somebody waits, and whether it was told that this was in vain.
    waiting: HashMap<String, (Instant, bool)>,
}

impl Known {
    fn extent(&self) -> Option<&Extent> {
        let (extent, seen) = self.seen.as_ref()?;
        (seen.elapsed() < STANDS_FOR).then_some(extent)
    }

    /// Since when the namespace is known to be asked about. Whoever made it so may have done that just before it was seen.
    fn since(&self, namespace: &str) -> Option<Instant> {
        self.extent().filter(|extent| extent.has(namespace))?;
        let since = self.since.get(namespace).copied();
        since.into_iter().chain(self.all_since).min()
    }

    /// These are asked about; `seen` is when that was seen.
    fn set(&mut self, extent: Extent, seen: Instant) {
        let since = match &extent {
            Extent::Everything => {
                if self.extent() != Some(&Extent::Everything) {
                    self.all_since = Some(seen);
                }
                // By name they may be asked about for longer.
                let names = self.since.keys();
                let still = names.filter_map(|name| Some((name.clone(), self.since(name)?)));
                still.collect()
            }
            Extent::These(namespaces) => {
                let since = |name: &String| self.since(name).unwrap_or(seen);
                let since = namespaces.iter().map(|name| (name.clone(), since(name)));
                let since = since.collect();
                self.all_since = None;
                since
            }
        };
        self.since = since;
        self.seen = Some((extent, seen));
    }
}

impl Coverage {
    /// How long the reconciler has to wait before a budget of this namespace may begin to protect; `None`: not at all.
    #[must_use]
    pub fn wait_for(&self, namespace: &str) -> Option<Duration> {
        let mut known = self.known();
        if let Some(since) = known.since(namespace) {
            let left = IN_USE_AFTER.saturating_sub(since.elapsed());
            let left = Some(left).filter(|left| !left.is_zero());
            if left.is_none() {
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

    /// Only these namespaces have budgets. The patience with another one begins anew when one comes.
    pub(crate) fn only(&self, has_budgets: impl Fn(&str) -> bool) {
        let mut known = self.known();
        known.waiting.retain(|namespace, _| has_budgets(namespace));
    }

    /// The API server was found to ask about these, or there is nothing that could be written.
    pub(crate) fn found(&self, extent: Extent) {
        self.known().set(extent, Instant::now());
    }

    /// The configuration is about to be made narrower: from now on nobody counts on the rest.
    pub(crate) fn narrows_to(&self, extent: &Extent) {
        let mut known = self.known();
        if let Some((before, seen)) = known.seen.clone() {
            known.set(before.and(extent.clone()), seen);
        }
    }

    /// The configuration is written.
    pub(crate) fn written(&self, extent: Extent) {
        self.known().set(extent, Instant::now());
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn in_use(coverage: &Coverage, extent: Extent) {
        coverage.found(extent);
        tokio::time::sleep(SECOND).await;
    }

    // Decision 10
    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_added_waits_a_second() {
        let coverage = Coverage::default();
        assert!(coverage.wait_for("shop").is_some());
        in_use(&coverage, Extent::of(["web"])).await;
        assert_eq!(coverage.wait_for("web"), None);
        assert!(coverage.wait_for("shop").is_some());
        coverage.written(Extent::of(["web", "shop"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert_eq!(coverage.wait_for("shop"), Some(SECOND));
        tokio::time::sleep(SECOND).await;
        assert_eq!(coverage.wait_for("shop"), None);
    }

    // The leader before, or a write of ours whose answer was lost, may have added it just before it is found.
    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_found_waits_a_second() {
        let coverage = Coverage::default();
        in_use(&coverage, Extent::of(["web"])).await;
        coverage.found(Extent::of(["web", "shop"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert_eq!(coverage.wait_for("shop"), Some(SECOND));
        coverage.found(Extent::of(["web", "shop"]));
        tokio::time::sleep(SECOND).await;
        assert_eq!(coverage.wait_for("shop"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn all_namespaces_are_added_like_one() {
        let coverage = Coverage::default();
        in_use(&coverage, Extent::of(["web"])).await;
        coverage.written(Extent::Everything);
        assert_eq!(coverage.wait_for("web"), None);
        assert_eq!(coverage.wait_for("shop"), Some(SECOND));
        tokio::time::sleep(SECOND).await;
        assert_eq!(coverage.wait_for("shop"), None);
        coverage.written(Extent::of(["shop"]));
        assert_eq!(coverage.wait_for("shop"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_away_is_not_counted_on() {
        let coverage = Coverage::default();
        in_use(&coverage, Extent::Everything).await;
        coverage.narrows_to(&Extent::of(["web"]));
        assert_eq!(coverage.wait_for("web"), None);
        assert!(coverage.wait_for("shop").is_some());
    }

    // Nothing was seen when it was made narrower.
    #[tokio::test(start_paused = true)]
    async fn to_make_it_narrower_is_no_look() {
        let coverage = Coverage::default();
        coverage.found(Extent::Everything);
        tokio::time::sleep(44 * SECOND).await;
        coverage.narrows_to(&Extent::of(["web"]));
        tokio::time::sleep(SECOND).await;
        assert!(coverage.wait_for("web").is_some());
        coverage.written(Extent::of(["web"]));
        assert_eq!(coverage.wait_for("web"), Some(SECOND));
    }

    // A budget that goes while it waits must not be taken for one that has waited since.
    #[tokio::test(start_paused = true)]
    async fn patience_with_the_next_budget_begins_anew() {
        let coverage = Coverage::default();
        assert!(coverage.wait_for("shop").is_some());
        coverage.only(|_| false);
        tokio::time::sleep(10 * SECOND).await;
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

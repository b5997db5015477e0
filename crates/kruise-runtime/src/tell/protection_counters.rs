//! Metrics about objects, under names that users choose.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family};

use crate::tell::plain_counter::PlainCounter;

/// The most series of one metric. Whoever scrapes them gets as many lines of some 150 bytes.
pub(crate) const MOST_SERIES: usize = 1000;

/// Labels of `workload_deletion_protection` and `pod_unavailable_budget`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[allow(missing_docs, reason = "the names are the labels")]
pub struct ProtectionLabels {
    pub kind_namespace_name: String,
    pub username: String,
}

/// Labels of refusals.
pub trait RefusalLabels:
    EncodeLabelSet + Clone + fmt::Debug + Hash + Eq + Send + Sync + 'static
{
    /// The object that is protected.
    fn object(&self) -> &str;
}

impl RefusalLabels for ProtectionLabels {
    fn object(&self) -> &str {
        &self.kind_namespace_name
    }
}

/// Refusals about objects, by the object and by who was refused. Users choose both names, so that there may be any
/// number of them over the years: the series of an object go when the object goes, where somebody watches it, and of
/// all series no more than 1000 are kept, those that were counted last.
#[derive(Clone, Debug)]
pub struct ProtectionCounters<L: RefusalLabels = ProtectionLabels> {
    pub(crate) series: Family<L, PlainCounter>,
    counted: Arc<Mutex<Counted<L>>>,
}

/// Which series there are.
#[derive(Debug)]
struct Counted<L> {
    /// When each was counted last, by object.
    last: HashMap<String, HashMap<L, u64>>,
    n_series: usize,
    /// Numbers what is counted.
    now: u64,
}

impl<L: RefusalLabels> Default for ProtectionCounters<L> {
    fn default() -> Self {
        let counted = Counted {
            last: HashMap::new(),
            n_series: 0,
            now: 0,
        };
        Self {
            series: Family::default(),
            counted: Arc::new(Mutex::new(counted)),
        }
    }
}

impl<L: RefusalLabels> ProtectionCounters<L> {
    /// The counter of these labels. It is kept as one that is counted now.
    #[must_use]
    pub fn get_or_create(&self, labels: &L) -> PlainCounter {
        let mut counted = self.lock();
        if let Some(gone) = counted.take_in(labels) {
            self.series.remove(&gone);
        }
        self.series.get_or_create_owned(labels)
    }

    /// Whether there is such a series.
    #[must_use]
    pub fn contains(&self, labels: &L) -> bool {
        let counted = self.lock();
        let of_object = counted.last.get(labels.object());
        of_object.is_some_and(|series| series.contains_key(labels))
    }

    /// What `/metrics` shows.
    #[must_use]
    pub fn series(&self) -> Family<L, PlainCounter> {
        self.series.clone()
    }

    pub(crate) fn forget(&self, object: &str) {
        let mut counted = self.lock();
        let gone = counted.last.remove(object).unwrap_or_default();
        counted.n_series = counted.n_series.saturating_sub(gone.len());
        for labels in gone.keys() {
            self.series.remove(labels);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted<L>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: RefusalLabels> Counted<L> {
    /// Notes that these labels are counted; returns those that have to go for it.
    fn take_in(&mut self, labels: &L) -> Option<L> {
        self.now += 1;
        let of_object = self.last.entry(labels.object().to_owned()).or_default();
        if of_object.insert(labels.clone(), self.now).is_some() {
            return None;
        }
        self.n_series += 1;
        if self.n_series <= MOST_SERIES {
            return None;
        }
        let all = self.last.values().flatten();
        let (oldest, _) = all.min_by_key(|(_, last)| **last)?;
        let oldest = oldest.clone();
        self.remove(&oldest);
        Some(oldest)
    }

    fn remove(&mut self, labels: &L) {
        let Some(of_object) = self.last.get_mut(labels.object()) else {
            return;
        };
        if of_object.remove(labels).is_some() {
            self.n_series -= 1;
        }
        if of_object.is_empty() {
            self.last.remove(labels.object());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(object: usize, user: &str) -> ProtectionLabels {
        ProtectionLabels {
            kind_namespace_name: format!("Deployment_ns_{object}"),
            username: user.to_owned(),
        }
    }

    // DV-PF23: nobody watches Deployments, and anybody may try to delete one.
    #[test]
    fn only_so_many_series_are_kept_and_those_that_count() {
        let counters = ProtectionCounters::default();
        for object in 0..MOST_SERIES {
            counters.get_or_create(&labels(object, "alice")).inc();
        }
        // The oldest is counted once more, and stays.
        counters.get_or_create(&labels(0, "alice")).inc();
        counters.get_or_create(&labels(0, "bob")).inc();
        assert_eq!(counters.get_or_create(&labels(0, "alice")).get(), 2);
        assert!(counters.contains(&labels(0, "bob")));
        assert!(!counters.contains(&labels(1, "alice")));
        assert!(counters.contains(&labels(2, "alice")));
        assert!(counters.series.get(&labels(1, "alice")).is_none());

        // Who goes makes room.
        counters.forget(labels(0, "").object());
        for object in MOST_SERIES..MOST_SERIES + 2 {
            counters.get_or_create(&labels(object, "alice")).inc();
        }
        assert!(counters.contains(&labels(2, "alice")));
        assert_eq!(counters.lock().n_series, MOST_SERIES);
        assert_eq!(counters.lock().last.len(), MOST_SERIES);
    }
}

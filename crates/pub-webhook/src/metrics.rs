//! Metrics, by the names that OpenKruise gave them.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use kruise_api::budget::Subject;
use kruise_runtime::ProtectionLabels;

/// Series that are kept. Who is refused, and of which pods, users decide: whoever is refused most recently is kept.
const MOST_SERIES: usize = 2000;

/// Counts refusals. Clones share the values.
#[derive(Clone)]
pub struct Metrics {
    runtime: kruise_runtime::Metrics,
    kept: Arc<Mutex<Kept>>,
}

/// Objects with series, the oldest first.
#[derive(Default)]
struct Kept {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Metrics {
    /// Counts in the metrics of this process.
    #[must_use]
    pub fn new(runtime: kruise_runtime::Metrics) -> Self {
        Self {
            runtime,
            kept: Arc::default(),
        }
    }

    /// A budget has kept this user from a pod of this subject (PB-60).
    pub fn refused(&self, subject: &Subject, user: &str) {
        let labels = ProtectionLabels {
            kind_namespace_name: subject.to_string(),
            username: user.to_owned(),
        };
        self.make_room(&labels);
        self.runtime
            .pod_unavailable_budget
            .get_or_create(&labels)
            .inc();
    }

    fn make_room(&self, labels: &ProtectionLabels) {
        let counters = &self.runtime.pod_unavailable_budget;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let object = &labels.kind_namespace_name;
        if !kept.known.insert(object.clone()) {
            return;
        }
        kept.order.push_back(object.clone());
        while kept.order.len() > MOST_SERIES {
            if let Some(oldest) = kept.order.pop_front() {
                kept.known.remove(&oldest);
                counters.forget(&oldest);
            }
        }
    }
}

//! Metrics about objects, under names that users choose.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{encoding::EncodeLabelSet, metrics::family::Family};

use crate::tell::plain_counter::PlainCounter;

/// Labels of `workload_deletion_protection` and `pod_unavailable_budget`.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
#[allow(missing_docs, reason = "the names are the labels")]
pub struct ProtectionLabels {
    pub kind_namespace_name: String,
    pub username: String,
}

/// Refusals about objects, by the object and by who was refused. Users choose both names, so that there may be any
/// number of them over the years: the series of an object go when the object goes.
#[derive(Clone, Debug, Default)]
pub struct ProtectionCounters {
    pub(crate) series: Family<ProtectionLabels, PlainCounter>,
    /// Who was refused, by object.
    users: Arc<Mutex<HashMap<String, BTreeSet<String>>>>,
}

impl ProtectionCounters {
    /// The counter of this object and user.
    #[must_use]
    pub fn get_or_create(&self, labels: &ProtectionLabels) -> PlainCounter {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let ProtectionLabels {
            kind_namespace_name,
            username,
        } = labels;
        let of_object = users.entry(kind_namespace_name.clone()).or_default();
        of_object.insert(username.clone());
        self.series.get_or_create_owned(labels)
    }

    /// Whether there is such a series.
    #[must_use]
    pub fn contains(&self, labels: &ProtectionLabels) -> bool {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let of_object = users.get(&labels.kind_namespace_name);
        of_object.is_some_and(|users| users.contains(&labels.username))
    }

    /// Drops the series of an object.
    pub fn forget(&self, kind_namespace_name: &str) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        for username in users.remove(kind_namespace_name).unwrap_or_default() {
            self.series.remove(&ProtectionLabels {
                kind_namespace_name: kind_namespace_name.to_owned(),
                username,
            });
        }
    }
}

//! SidecarSets by a label that their selector demands. A pod asks for its own labels only.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use kruise_api::{text::Text, text_map::TextMap};

use super::candidate::{Candidate, Demand};

/// SidecarSets by name.
type Sets = BTreeMap<String, Arc<Candidate>>;

/// SidecarSets, each under one label that it demands.
#[derive(Debug, Default)]
pub(super) struct ByLabel {
    /// By key, and by value. None stands for any value.
    by_label: HashMap<String, HashMap<Option<String>, Sets>>,
    /// Those that demand no label.
    rest: Sets,
    /// Under which label each of them is.
    places: HashMap<String, Option<Demand>>,
}

impl ByLabel {
    pub(super) fn put(&mut self, candidate: Arc<Candidate>) {
        let name = candidate.latest.name.clone();
        // Of several labels, that which finds the fewest others. So a label that all have in common helps nobody.
        let demands = candidate.demands.iter();
        let demand = demands.min_by_key(|demand| self.crowd(demand)).cloned();
        match &demand {
            None => {
                self.rest.insert(name.clone(), candidate);
            }
            Some(Demand { key, values }) => {
                let by_value = self.by_label.entry(key.clone()).or_default();
                for value in values {
                    let sets = by_value.entry(value.clone()).or_default();
                    sets.insert(name.clone(), Arc::clone(&candidate));
                }
            }
        }
        self.places.insert(name, demand);
    }

    pub(super) fn remove(&mut self, name: &str) {
        let Some(place) = self.places.remove(name) else {
            return;
        };
        let Some(Demand { key, values }) = place else {
            self.rest.remove(name);
            return;
        };
        let Some(by_value) = self.by_label.get_mut(&key) else {
            return;
        };
        for value in &values {
            if let Some(sets) = by_value.get_mut(value) {
                sets.remove(name);
                if sets.is_empty() {
                    by_value.remove(value);
                }
            }
        }
        if by_value.is_empty() {
            self.by_label.remove(&key);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The SidecarSets that may select these labels, in the order of their names. Each is there once: a label has one
    /// value.
    pub(super) fn candidates(&self, labels: &TextMap) -> Vec<Arc<Candidate>> {
        let by_label = labels.iter().flat_map(|(key, value)| {
            let by_value = self.by_label.get(key.as_str());
            by_value.into_iter().flat_map(move |by_value| {
                let exact = by_value.get(&Some(Text::as_str(value).to_owned()));
                exact.into_iter().chain(by_value.get(&None))
            })
        });
        let found = by_label.chain([&self.rest]).flat_map(Sets::values);
        let mut candidates: Vec<Arc<Candidate>> = found.cloned().collect();
        candidates.sort_by(|a, b| a.latest.name.cmp(&b.latest.name));
        candidates
    }

    /// How many others are where a SidecarSet with this demand would be.
    fn crowd(&self, Demand { key, values }: &Demand) -> usize {
        let Some(by_value) = self.by_label.get(key) else {
            return 0;
        };
        let crowds = values.iter().filter_map(|value| by_value.get(value));
        crowds.map(Sets::len).max().unwrap_or(0)
    }
}

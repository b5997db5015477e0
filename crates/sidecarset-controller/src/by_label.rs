//! What is looked for by a label that its selector demands: a pod asks for its own labels only, and a selector for the pods
//! that have one label. So neither costs what all of them cost (SS-102).

use std::collections::{BTreeMap, HashMap};

use kruise_api::{meta::LabelSelector, text::Text, text_map::TextMap};

/// A label that all pods have which a selector selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Its key.
    pub key: String,
    /// Its possible values. None is any.
    pub values: Vec<Option<String>>,
}

/// Labels that a selector demands, each by itself. None: it demands what no label can be.
#[must_use]
pub fn demands(selector: &LabelSelector) -> Option<Vec<Demand>> {
    let labels = selector.match_labels.iter().flatten();
    let mut demands: Vec<Demand> = labels
        .map(|(key, value)| Demand {
            key: key.clone(),
            values: vec![Some(value.clone())],
        })
        .collect();
    for expression in selector.match_expressions.iter().flatten() {
        let mut values: Vec<Option<String>> = match expression.operator.as_str() {
            "In" => {
                let values = expression.values.iter().flatten();
                values.cloned().map(Some).collect()
            }
            "Exists" => vec![None],
            _ => continue,
        };
        values.sort();
        values.dedup();
        if values.is_empty() {
            return None;
        }
        demands.push(Demand {
            key: expression.key.clone(),
            values,
        });
    }
    Some(demands)
}

/// By name.
type Named<T> = BTreeMap<String, T>;

/// Things with names, each under one label that its selector demands.
#[derive(Debug)]
pub struct ByLabel<T> {
    /// By key, and by value. None stands for any value.
    by_label: HashMap<String, HashMap<Option<String>, Named<T>>>,
    /// Those that demand no label.
    rest: Named<T>,
    /// Under which label each of them is.
    places: HashMap<String, Option<Demand>>,
}

impl<T> Default for ByLabel<T> {
    fn default() -> Self {
        Self {
            by_label: HashMap::new(),
            rest: Named::new(),
            places: HashMap::new(),
        }
    }
}

impl<T: Clone> ByLabel<T> {
    /// Adds a thing whose selector demands these labels. None of its name may be there.
    pub fn put(&mut self, name: String, demands: &[Demand], thing: T) {
        // Of several labels, that which finds the fewest others. So a label that all have in common helps nobody.
        let demand = demands.iter().min_by_key(|demand| self.crowd(demand));
        let demand = demand.cloned();
        match &demand {
            None => {
                self.rest.insert(name.clone(), thing);
            }
            Some(Demand { key, values }) => {
                let by_value = self.by_label.entry(key.clone()).or_default();
                for value in values {
                    let things = by_value.entry(value.clone()).or_default();
                    things.insert(name.clone(), thing.clone());
                }
            }
        }
        self.places.insert(name, demand);
    }

    /// Takes the thing of this name away.
    pub fn remove(&mut self, name: &str) {
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
            if let Some(things) = by_value.get_mut(value) {
                things.remove(name);
                if things.is_empty() {
                    by_value.remove(value);
                }
            }
        }
        if by_value.is_empty() {
            self.by_label.remove(&key);
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether something is under this key.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.by_label.contains_key(key)
    }

    /// The label that a thing is under; none if it demands none, or is not there.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<&Demand> {
        self.places.get(name)?.as_ref()
    }

    /// The things that may select these labels, in the order of their names. Each is there once: a label has one value.
    #[must_use]
    pub fn candidates(&self, labels: &TextMap) -> Vec<(&str, &T)> {
        let by_label = labels.iter().flat_map(|(key, value)| {
            let by_value = self.by_label.get(key.as_str());
            by_value.into_iter().flat_map(move |by_value| {
                let exact = by_value.get(&Some(Text::as_str(value).to_owned()));
                exact.into_iter().chain(by_value.get(&None))
            })
        });
        let found = by_label.chain([&self.rest]).flatten();
        let mut candidates: Vec<_> = found.map(|(name, it)| (name.as_str(), it)).collect();
        candidates.sort_by_key(|(name, _)| *name);
        candidates
    }

    /// How many others are where a thing with this demand would be.
    fn crowd(&self, Demand { key, values }: &Demand) -> usize {
        let Some(by_value) = self.by_label.get(key) else {
            return 0;
        };
        let crowds = values.iter().filter_map(|value| by_value.get(value));
        crowds.map(Named::len).max().unwrap_or(0)
    }
}

//! Finds the SidecarSets that may be for a pod. A pod costs what its own labels and those SidecarSets cost, however many
//! others there are (SS-102): SidecarSets are found by namespace first, then by a label that their selector demands.
//!
//! The index follows the watch of SidecarSets, which prepares each of them once. Paused ones, and those whose selector
//! selects nothing, are not in it.

mod candidate;

pub use candidate::{Candidate, Specific, WantedRevision};

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kruise_api::{
    apps::v1beta1::SidecarSet, meta::LabelSelector, text_map::TextMap,
    well_known::labels::NAMESPACE_NAME,
};

use crate::by_label::ByLabel;

/// SidecarSets by what pods they may be for. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct SidecarSetIndex {
    tables: Arc<RwLock<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    by_namespace: HashMap<String, ByLabel<Arc<Candidate>>>,
    cluster_wide: ByLabel<Arc<Candidate>>,
    /// Where each SidecarSet is: the namespaces, or none for cluster-wide.
    namespaces: HashMap<String, Option<BTreeSet<String>>>,
}

impl SidecarSetIndex {
    /// Takes a change of a SidecarSet, given before and after it. To be called for each change in order.
    pub fn change(&self, old: Option<&SidecarSet>, new: Option<&SidecarSet>) {
        if let (Some(old), Some(new)) = (old, new)
            && is_same_to_pods(old, new)
        {
            return;
        }
        // Readers need not wait for this.
        let candidate = new.and_then(Candidate::of);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = old.or(new) {
            tables.remove(&known.metadata.name);
        }
        if let (Some(new), Some(candidate)) = (new, candidate) {
            let namespaces = namespaces(new.spec.namespace_selector.as_ref());
            tables.put(&Arc::new(candidate), namespaces);
        }
    }

    /// The SidecarSets that may be for a pod of this namespace with these labels: those that name the namespace, then those
    /// of the whole cluster, each in the order of their names (SS-102).
    #[must_use]
    pub fn candidates(&self, namespace: &str, labels: &TextMap) -> Vec<Arc<Candidate>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let of_namespace = tables.by_namespace.get(namespace).into_iter();
        let found = of_namespace.chain([&tables.cluster_wide]);
        found
            .flat_map(|sets| sets.candidates(labels))
            .map(|(_, candidate)| Arc::clone(candidate))
            .collect()
    }
}

impl Tables {
    fn put(&mut self, candidate: &Arc<Candidate>, namespaces: Option<BTreeSet<String>>) {
        let name = candidate.latest.name.clone();
        match &namespaces {
            None => {
                let demands = &candidate.demands;
                (self.cluster_wide).put(name.clone(), demands, Arc::clone(candidate));
            }
            Some(namespaces) => {
                for namespace in namespaces {
                    let sets = self.by_namespace.entry(namespace.clone()).or_default();
                    let demands = &candidate.demands;
                    sets.put(name.clone(), demands, Arc::clone(candidate));
                }
            }
        }
        self.namespaces.insert(name, namespaces);
    }

    fn remove(&mut self, name: &str) {
        match self.namespaces.remove(name) {
            None => {}
            Some(None) => self.cluster_wide.remove(name),
            Some(Some(namespaces)) => {
                for namespace in namespaces {
                    if let Some(sets) = self.by_namespace.get_mut(&namespace) {
                        sets.remove(name);
                        if sets.is_empty() {
                            self.by_namespace.remove(&namespace);
                        }
                    }
                }
            }
        }
    }
}

/// Whether new pods see no difference. The status changes with every pod that gets ready.
fn is_same_to_pods(old: &SidecarSet, new: &SidecarSet) -> bool {
    old.spec == new.spec
        && old.metadata.annotations == new.metadata.annotations
        && old.status.latest_revision == new.status.latest_revision
}

/// The namespaces that a selector names. None: it names none, so that any may be selected.
fn namespaces(selector: Option<&LabelSelector>) -> Option<BTreeSet<String>> {
    let selector = selector?;
    let labels = selector.match_labels.as_ref();
    if let Some(namespace) = labels.and_then(|labels| labels.get(NAMESPACE_NAME)) {
        return Some([namespace.clone()].into());
    }
    let mut expressions = selector.match_expressions.iter().flatten();
    let names = expressions.find(|it| it.key == NAMESPACE_NAME && it.operator == "In")?;
    Some(names.values.iter().flatten().cloned().collect())
}

//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{apps::v1beta1::SidecarSet, object::Object, resource::ObjectKey};
use kruise_runtime::{Clock, Store, StoreView, Stores};

use crate::{
    facts::KnownPods,
    lacking::{LackingRule, Matching},
    memory::Memory,
    namespaces::{Exempt, Namespace},
    pod_index::PodIndex,
    revisions::RevisionIndex,
    sidecar_pod::SidecarPod,
    snapshot::{LackingPod, Snapshot, basis},
    view::{Namespaces, View, Views, filled},
};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// SidecarSets.
    pub sidecar_sets: Store<SidecarSet>,
    /// What pods ask of them.
    pub views: Views,
    /// All pods.
    pub pods: Store<SidecarPod>,
    /// Which of them list, or lack, a SidecarSet.
    pub pod_index: PodIndex,
    /// All namespaces.
    pub namespaces: Store<Namespace>,
    /// Those whose pods get no sidecars.
    pub exempt: Exempt,
    /// ControllerRevisions of the installation's namespace.
    pub revisions: RevisionIndex,
    /// The wall clock.
    pub clock: Clock,
}

impl Observer {
    /// The SidecarSet of this name.
    #[must_use]
    pub fn sidecar_set(&self, key: &ObjectKey) -> Option<Arc<SidecarSet>> {
        self.sidecar_sets.get(key)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        let all: Vec<&dyn StoreView> = vec![&self.sidecar_sets, &self.pods, self.revisions.store()];
        Stores {
            all,
            pods: Some(&self.pods),
            budgets: None,
        }
    }

    /// All that is to be known of a SidecarSet now.
    #[must_use]
    pub fn snapshot(&self, sidecar_set: &SidecarSet, memory: Memory) -> Snapshot {
        let sidecar_set = filled(sidecar_set);
        let view = View::of(&sidecar_set);
        let name = &sidecar_set.metadata.name;
        let basis = Arc::new(basis(&sidecar_set));
        let listing = self.pod_index.listing(name);
        let listing = listing.iter().filter_map(|key| self.pods.get(key));
        let pods = KnownPods::of(&basis, listing.collect(), &memory.pods);
        let namespaces = match &view.namespaces {
            Namespaces::All => None,
            selected => Some(self.namespaces_of(selected)),
        };
        Snapshot {
            basis,
            pods: Arc::new(pods),
            namespaces,
            lacking: self.lacking(name, &view),
            revisions: self.revisions.of(name),
            selector: view.selector,
            namespace: self.revisions.namespace().to_owned(),
            now: self.clock.now(),
            memory,
            sidecar_set: Arc::new(sidecar_set),
        }
    }

    /// A SidecarSet is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.pod_index.forget(&key.name);
    }

    fn namespaces_of(&self, selected: &Namespaces) -> BTreeSet<String> {
        let all = self.namespaces.all().into_iter();
        let selected = all.filter(|namespace| selected.include(&namespace.metadata.labels));
        selected
            .map(|namespace| namespace.metadata.name.clone())
            .collect()
    }

    fn lacking(&self, name: &str, view: &View) -> Vec<LackingPod> {
        let matching = |view: &View| Matching::of(view, |selected| self.namespaces_of(selected));
        let canaries = self.views.canaries_of(name).into_iter();
        // A canary that is paused takes no pods from its base (SS-110).
        let canaries = canaries.filter(|(_, canary)| canary.injects);
        let canaries = canaries
            .map(|(name, view)| (name, matching(&view)))
            .collect();
        let exempt = self.exempt.names();
        let Some(rule) = LackingRule::new(name, view, matching(view), exempt, canaries) else {
            self.pod_index.forget(name);
            return vec![];
        };
        let keys = self.pod_index.lacking(name, rule, &self.pods);
        let pods = keys.iter().filter_map(|key| self.pods.get(key));
        pods.map(|pod| LackingPod {
            full_name: pod.full_name(),
            created: pod.meta().creation_timestamp,
        })
        .collect()
    }
}

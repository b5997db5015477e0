//! What is found out of each pod before anything is decided. A SidecarSet may have ten thousand pods, whose annotations are
//! JSON, and is looked at with each event: what is known of a pod stands until the pod changes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use kruise_api::{
    kinds::sidecarset::hash::SidecarSetHashes,
    well_known::annotations::{
        SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE, SIDECARSET_INPLACE_UPDATE_STATE,
        SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
    },
};

use crate::{
    conditions,
    consistency::{self, Recorded},
    record::{HashRecord, InPlaceRecord, Twin, WorkingRecord},
    sidecar_pod::SidecarPod,
    sidecars::Sidecars,
};

/// What of a SidecarSet decides about facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Its name.
    pub name: String,
    /// Its hashes.
    pub hashes: SidecarSetHashes,
    /// Its sidecars.
    pub sidecars: Sidecars,
    container_names: BTreeSet<String>,
}

/// What is known of one pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// It has all sidecars (SS-206).
    pub has_sidecars: bool,
    /// Its recorded hash is that of the SidecarSet (SS-211).
    pub is_updated: bool,
    /// Nothing but images has changed since it got its sidecars (SS-221).
    pub is_upgradable: bool,
    /// Its sidecars run the images that its spec says (SS-230).
    pub is_consistent: bool,
    /// It serves, and no hot upgrade is half-way (SS-231).
    pub is_ready: bool,
    /// The first sidecar that is ready and does not run its image yet (SS-222).
    pub in_flight: Option<String>,
    /// Of some sidecar both twins have an image to run (SS-252).
    pub in_hot_upgrade: bool,
    /// The idle twins can be reset now (SS-253).
    pub can_be_reset: bool,
    /// What condition `SidecarSetUpgradable` says of the SidecarSet (SS-247).
    pub said_upgradable: Option<bool>,
    /// An update by the SidecarSet is recorded (SS-244).
    pub was_updated: bool,
    /// The ControllerRevision that it got its sidecars from; empty if none is recorded.
    pub revision: String,
}

impl Basis {
    /// What decides about facts.
    #[must_use]
    pub fn new(name: &str, hashes: SidecarSetHashes, sidecars: Sidecars) -> Self {
        Self {
            name: name.to_owned(),
            hashes,
            container_names: sidecars.container_names(),
            sidecars,
        }
    }

    /// What is known of this pod.
    #[must_use]
    pub fn facts(&self, pod: &SidecarPod) -> Facts {
        let hash = |key| HashRecord::parse(key, pod.annotation(key)).unwrap_or_default();
        let (whole, without_image) = (hash(SIDECARSET_HASH), hash(SIDECARSET_HASH_WITHOUT_IMAGE));
        let entry = whole.get(&self.name);
        let working = self.working(pod);
        let recorded = recorded(pod);
        let in_hot_upgrade = self.sidecars.hot().any(|hot| hot.both_run(pod, &working));
        Facts {
            has_sidecars: self.sidecars.are_in(pod, &working),
            is_updated: entry.is_some_and(|entry| entry.sidecar_set_hash == self.hashes.whole),
            is_upgradable: without_image.hash_of(&self.name)
                == Some(self.hashes.without_image.as_str()),
            is_consistent: self.is_consistent(pod, &recorded, &self.container_names),
            is_ready: consistency::is_ready(pod, &self.sidecars, &working),
            in_flight: self.in_flight(pod, &recorded),
            in_hot_upgrade,
            can_be_reset: in_hot_upgrade && self.can_be_reset(pod, &working, &recorded),
            said_upgradable: conditions::said(pod, &self.name),
            was_updated: recorded.is_ok_and(|recorded| recorded.get(&self.name).is_some()),
            revision: entry.map_or_else(String::new, |entry| {
                entry.sidecar_set_controller_revision.clone()
            }),
        }
    }

    /// Which twins work in this pod.
    #[must_use]
    pub fn working(&self, pod: &SidecarPod) -> WorkingRecord {
        let annotation = pod.annotation(SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER);
        WorkingRecord::parse(annotation).unwrap_or_default()
    }

    /// Whether a container is ready, and runs what the spec says (SS-250).
    #[must_use]
    pub fn is_good(&self, pod: &SidecarPod, recorded: &Recorded, container: &str) -> bool {
        is_ready(pod, container)
            && self.is_consistent(pod, recorded, &BTreeSet::from([container.to_owned()]))
    }

    fn is_consistent(
        &self,
        pod: &SidecarPod,
        recorded: &Recorded,
        names: &BTreeSet<String>,
    ) -> bool {
        consistency::is_consistent(pod, &self.name, names, recorded)
    }

    fn in_flight(&self, pod: &SidecarPod, recorded: &Recorded) -> Option<String> {
        let mut names = self.container_names.iter();
        let is_in_flight =
            |name: &&String| is_ready(pod, name) && !self.is_good(pod, recorded, name);
        names.find(is_in_flight).cloned()
    }

    fn can_be_reset(&self, pod: &SidecarPod, working: &WorkingRecord, recorded: &Recorded) -> bool {
        let others = self.sidecars.hot().map(|hot| {
            let other: Twin = working.working(hot.name).other();
            other.name(hot.name)
        });
        let others: BTreeSet<String> = others.collect();
        let names = self.container_names.difference(&others).cloned().collect();
        if !self.is_consistent(pod, recorded, &names) {
            return false;
        }
        let serves = pod.status.phase == "Running" && pod.is_ready();
        let mut statuses = pod.status.container_statuses.iter();
        serves || statuses.all(|status| status.ready || others.contains(status.name.as_str()))
    }
}

/// What is recorded of the last updates of a pod.
pub fn recorded(pod: &SidecarPod) -> Recorded {
    InPlaceRecord::parse(pod.annotation(SIDECARSET_INPLACE_UPDATE_STATE))
}

/// Whether a container is ready.
pub(crate) fn is_ready(pod: &SidecarPod, container: &str) -> bool {
    let status = pod.container_status(container);
    status.is_some_and(|status| status.ready)
}

/// Pods, and what is known of each.
#[derive(Debug, Clone, Default)]
pub struct KnownPods {
    basis: Option<Arc<Basis>>,
    known: Vec<Known>,
}

/// A pod, and what is known of it.
#[derive(Debug, Clone)]
pub struct Known {
    /// The pod.
    pub pod: Arc<SidecarPod>,
    /// What is known of it.
    pub facts: Arc<Facts>,
}

impl KnownPods {
    /// What is known of these pods. Of one that is the same as before, so is what is known.
    #[must_use]
    pub fn of(basis: &Arc<Basis>, pods: Vec<Arc<SidecarPod>>, before: &Self) -> Self {
        let same_basis = before.basis.as_ref().filter(|known| *known == basis);
        let before = same_basis.map_or(&[][..], |_| &before.known);
        let before: HashMap<*const SidecarPod, &Arc<Facts>> = before
            .iter()
            .map(|known| (Arc::as_ptr(&known.pod), &known.facts))
            .collect();
        let known = pods.into_iter().map(|pod| {
            // The earlier pod is still held, so that no other can be at its address.
            let facts = before.get(&Arc::as_ptr(&pod)).copied().cloned();
            let facts = facts.unwrap_or_else(|| Arc::new(basis.facts(&pod)));
            Known { pod, facts }
        });
        Self {
            known: known.collect(),
            basis: Some(Arc::clone(same_basis.unwrap_or(basis))),
        }
    }

    /// All pods, in the order given.
    #[must_use]
    pub fn all(&self) -> &[Known] {
        &self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> Arc<SidecarPod> {
        let json = serde_json::json!({ "metadata": { "name": name } });
        Arc::new(serde_json::from_str(&json.to_string()).unwrap())
    }

    fn basis(name: &str) -> Arc<Basis> {
        let hashes = SidecarSetHashes::of(&[], &[]);
        Arc::new(Basis::new(name, hashes, Sidecars::default()))
    }

    #[test]
    fn what_is_known_of_a_pod_stands_until_the_pod_or_the_set_changes() {
        let (a, b) = (pod("a"), pod("b"));
        let before = KnownPods::default();
        let first = KnownPods::of(&basis("log"), vec![Arc::clone(&a), b], &before);
        let second = KnownPods::of(&basis("log"), vec![Arc::clone(&a), pod("b")], &first);
        let same =
            |index: usize| Arc::ptr_eq(&first.all()[index].facts, &second.all()[index].facts);
        assert_eq!((same(0), same(1)), (true, false));
        let of_another = KnownPods::of(&basis("mesh"), vec![a], &second);
        assert!(!Arc::ptr_eq(
            &second.all()[0].facts,
            &of_another.all()[0].facts
        ));
    }
}

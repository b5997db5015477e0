//! What there was, and what of it a process may have known.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{NAMESPACES, PODS},
};

use super::super::seen::{Labels, PodSeen, Terms};
use crate::history::{Deed, History};

/// A rule, and what broke it.
pub(super) type Found = (&'static str, String);

/// An object in its states, with the versions that they began in; none: it isn't there.
pub(super) type States<T> = Vec<(u64, Option<T>)>;

/// All there ever was.
pub(super) struct Known<'a> {
    pub(super) history: &'a History,
    pub(super) sets: BTreeMap<String, States<Terms>>,
    namespaces: BTreeMap<String, States<Labels>>,
    /// By UID.
    pub(super) pods: BTreeMap<String, KnownPod>,
}

/// A pod, and what became of it so far.
#[derive(Default)]
pub(super) struct KnownPod {
    pub(super) name: String,
    namespace: String,
    states: States<PodSeen>,
    /// In which version the deployable wrote it last.
    own: u64,
    /// The last update by the deployable, by SidecarSet.
    updates: BTreeMap<String, Update>,
}

/// An update of a pod.
#[derive(Clone, Copy)]
pub(super) struct Update {
    pub(super) at: Timestamp,
    /// Whether the controller surely knew that the pod was ready before.
    pub(super) is_of_ready: bool,
}

impl<'a> Known<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self {
            history,
            sets: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pods: BTreeMap::new(),
        }
    }

    pub(super) fn set_changed(&mut self, version: u64, name: &str, terms: Option<Terms>) {
        note(
            self.sets.entry(name.to_owned()).or_default(),
            version,
            terms,
        );
    }

    pub(super) fn namespace_changed(&mut self, version: u64, name: &str, labels: Option<Labels>) {
        note(
            self.namespaces.entry(name.to_owned()).or_default(),
            version,
            labels,
        );
    }

    pub(super) fn pod_changed(&mut self, version: u64, pod: PodSeen, is_own: bool) {
        let known = self.pods.entry(pod.uid.clone()).or_default();
        known.name.clone_from(&pod.name);
        known.namespace.clone_from(&pod.namespace);
        if known.states.is_empty() {
            // Before, it wasn't there.
            known.states.push((0, None));
        }
        if is_own {
            known.own = version;
        }
        known.states.push((version, Some(pod)));
    }

    pub(super) fn pod_gone(&mut self, version: u64, uid: &str) {
        if let Some(known) = self.pods.get_mut(uid) {
            known.states.push((version, None));
        }
    }

    pub(super) fn updated(&mut self, uid: &str, set: &str, update: Update) {
        if let Some(known) = self.pods.get_mut(uid) {
            known.updates.insert(set.to_owned(), update);
        }
    }

    /// The terms that the controller may have gone by; none among them: that there is no such SidecarSet.
    pub(super) fn terms(&self, deed: Deed, set: &str) -> Vec<Option<&Terms>> {
        let states = self.sets.get(set).map_or(&[][..], Vec::as_slice);
        let object = (SIDECARSETS.plural, set);
        as_options(self.history.in_force(deed, object, states, |state| state.0))
    }

    /// Any terms that this SidecarSet ever had.
    pub(super) fn all_terms(&self, set: &str) -> impl Iterator<Item = &Terms> {
        let states = self.sets.get(set).into_iter().flatten();
        states.filter_map(|(_, terms)| terms.as_ref())
    }

    /// The states of a pod that the controller may have gone by.
    pub(super) fn states<'p>(&self, deed: Deed, pod: &'p KnownPod) -> Vec<Option<&'p PodSeen>> {
        let object = (PODS.plural, pod.name.as_str());
        let history = self.history;
        let states = history.in_force_since(deed, object, &pod.states, |it| it.0, pod.own);
        as_options(states)
    }

    /// The labels of a namespace that the controller may have gone by.
    fn labels(&self, deed: Deed, namespace: &str) -> Vec<Option<&Labels>> {
        let states = self
            .namespaces
            .get(namespace)
            .map_or(&[][..], Vec::as_slice);
        let object = (NAMESPACES.plural, namespace);
        as_options(self.history.in_force(deed, object, states, |it| it.0))
    }

    /// Whether the controller may have known something of a pod that these terms manage.
    pub(super) fn may(
        &self,
        deed: Deed,
        pod: &KnownPod,
        terms: &Terms,
        of: impl Fn(&PodSeen) -> bool,
    ) -> bool {
        let namespaces = self.labels(deed, &pod.namespace);
        let manages = |it: &PodSeen| namespaces.iter().any(|labels| terms.manages(it, *labels));
        let states = self.states(deed, pod);
        states.into_iter().flatten().any(|it| manages(it) && of(it))
    }

    /// Whether the controller must have known something of a pod, and that these terms manage it.
    pub(super) fn must(
        &self,
        deed: Deed,
        pod: &KnownPod,
        terms: &Terms,
        of: impl Fn(&PodSeen) -> bool,
    ) -> bool {
        let is_there = self.states(deed, pod).iter().all(Option::is_some);
        is_there && self.must_if_there(deed, pod, terms, of)
    }

    /// The same of a pod that it surely knew to be there.
    pub(super) fn must_if_there(
        &self,
        deed: Deed,
        pod: &KnownPod,
        terms: &Terms,
        of: impl Fn(&PodSeen) -> bool,
    ) -> bool {
        let namespaces = self.labels(deed, &pod.namespace);
        let manages = |it: &PodSeen| namespaces.iter().all(|labels| terms.manages(it, *labels));
        let states = self.states(deed, pod);
        let states: Vec<&PodSeen> = states.into_iter().flatten().collect();
        !states.is_empty() && states.iter().all(|it| manages(it) && of(it))
    }

    /// The terms of a SidecarSet by which an admission may have been answered.
    pub(super) fn answering_terms(
        &self,
        asked: (Timestamp, u64),
        set: &str,
    ) -> Vec<Option<&Terms>> {
        let states = self.sets.get(set).map_or(&[][..], Vec::as_slice);
        let object = (SIDECARSETS.plural, set);
        as_options(self.history.answered_by(asked, object, states, |it| it.0))
    }

    /// The labels of a namespace by which an admission may have been answered.
    pub(super) fn answering_labels(
        &self,
        asked: (Timestamp, u64),
        namespace: &str,
    ) -> Vec<Option<&Labels>> {
        let states = self
            .namespaces
            .get(namespace)
            .map_or(&[][..], Vec::as_slice);
        let object = (NAMESPACES.plural, namespace);
        as_options(self.history.answered_by(asked, object, states, |it| it.0))
    }
}

impl KnownPod {
    /// The last update by the deployable for a SidecarSet.
    pub(super) fn update(&self, set: &str) -> Option<Update> {
        self.updates.get(set).copied()
    }
}

fn note<T: PartialEq>(states: &mut States<T>, version: u64, state: Option<T>) {
    if states.is_empty() {
        // Before, it wasn't there.
        states.push((0, None));
    }
    if states.last().is_none_or(|(_, last)| *last != state) {
        states.push((version, state));
    }
}

fn as_options<T>(states: Vec<&(u64, Option<T>)>) -> Vec<Option<&T>> {
    states
        .into_iter()
        .map(|(_, state)| state.as_ref())
        .collect()
}

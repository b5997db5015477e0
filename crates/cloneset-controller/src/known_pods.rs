//! What the parts of a plan ask of each pod again and again, looked up once for as long as the pod is the same. A set
//! may have ten thousand pods, and an event changes one of them: what labels and annotations of the others say need
//! not be read again in each pass, and each part of it.
//!
//! Only what the pod alone decides is a fact, and whether the set selects it: neither the clock, nor the rest of the
//! spec, nor other pods.

use std::{collections::HashMap, sync::Arc};

use kruise_api::{
    availability,
    inplace::{self, Options, Refresh, RefreshInput, lifecycle},
    meta::{LabelSelector, Time},
    pod::Pod,
    revision,
    selector::Selector,
    shared_list::SharedList,
    specified_delete,
    text::Text,
    well_known::{
        conditions::READY,
        labels,
        lifecycle_states::{NORMAL, PREPARING_DELETE, PREPARING_UPDATE},
    },
};

use kruise_plan::workload::may_be_updated;

/// What is to be known of one pod.
#[derive(Debug, Clone, Default)]
pub(crate) struct PodFacts {
    /// Neither finished nor terminating.
    pub(crate) is_active: bool,
    /// UID of the owner that manages it.
    pub(crate) manager: Option<Text>,
    /// Whether the set's selector matches it.
    pub(crate) is_selected: bool,
    /// In state PreparingDelete.
    pub(crate) preparing_delete: bool,
    /// In state PreparingUpdate.
    pub(crate) preparing_update: bool,
    /// Marked for deletion by its label; one that the spec names need not be.
    pub(crate) is_marked: bool,
    /// Update-ready (CS-44), whatever `minReadySeconds`.
    pub(crate) is_update_ready: bool,
    /// Whether nothing is due for it, and nothing waited for, whatever the spec and the time (CS-97, CS-80).
    pub(crate) is_quiet: bool,
    /// Whether an update may begin, as far as the pod's state says (CS-82).
    pub(crate) may_be_updated: bool,
    is_normal: bool,
    /// Since when its Ready condition is what it is.
    ready_since: Option<Time>,
    /// The label that names its revision.
    pub(crate) revision: Option<Text>,
}

impl PodFacts {
    fn of(pod: &Pod, terms: &Terms, selector: Option<&Selector>) -> Self {
        let options = terms.options;
        let state = lifecycle::state(pod);
        let is_normal = matches!(state, "" | NORMAL);
        let labels = &pod.metadata.labels;
        let refreshed = || {
            inplace::refresh(&RefreshInput {
                pod,
                // Neither is looked at in this state.
                update_revision: "",
                lifecycle: None,
                // As long as the condition is missing, something may be due.
                pod_readiness_controller_live: false,
                options,
                now: Time::UNIX_EPOCH,
            })
        };
        let manager = pod.metadata.controller();
        Self {
            is_active: pod.is_active(),
            manager: manager.map(|owner| owner.uid.clone()),
            is_selected: selector.is_some_and(|selector| selector.matches(labels)),
            preparing_delete: state == PREPARING_DELETE,
            preparing_update: state == PREPARING_UPDATE,
            is_marked: specified_delete::is_marked(pod),
            is_update_ready: availability::is_update_ready(pod, 0, Time::UNIX_EPOCH),
            is_quiet: is_normal
                && labels.contains_key(labels::POD_TEMPLATE_HASH)
                && refreshed() == Refresh::Nothing,
            may_be_updated: may_be_updated(pod),
            is_normal,
            ready_since: pod
                .condition(READY)
                .and_then(|condition| condition.last_transition_time),
            revision: labels.get(labels::CONTROLLER_REVISION_HASH).cloned(),
        }
    }

    /// Whether the pod is at the revision (CS-39).
    pub(crate) fn is_at(&self, name: &str) -> bool {
        let label = self.revision.as_ref();
        label.is_some_and(|label| revision::label_names(label, name))
    }

    /// Whether the pod is available (CS-44).
    pub(crate) fn is_available(&self, pod: &Pod, min_ready_seconds: i32, now: Time) -> bool {
        if !self.is_normal || !self.is_update_ready {
            return false;
        }
        // Nothing is to be looked up for a pod that has been ready for an hour.
        let long_enough =
            |since: Time| i64::from(min_ready_seconds) < now.duration_since(since).as_secs();
        min_ready_seconds == 0
            || self.ready_since.is_some_and(long_enough)
            || availability::is_available(pod, min_ready_seconds, now)
    }
}

/// What facts depend on besides the pods. It hardly ever changes.
#[derive(Debug, Clone, Default, PartialEq)]
struct Terms {
    options: Options,
    selector: LabelSelector,
}

/// The pods of one set, with what is to be known of each.
#[derive(Debug, Default)]
pub struct KnownPods {
    terms: Terms,
    pods: SharedList<Arc<Pod>>,
    /// Those of each piece of the list.
    facts: Vec<Arc<[PodFacts]>>,
}

impl KnownPods {
    /// Of these pods. What an earlier pass knew of a pod stands while the pod is the same.
    #[must_use]
    pub fn of(
        pods: &SharedList<Arc<Pod>>,
        options: Options,
        selector: &LabelSelector,
        earlier: Option<&Self>,
    ) -> Self {
        let terms = Terms {
            options,
            selector: selector.clone(),
        };
        // One that can't be read is told of elsewhere, and no pod is touched.
        let selector = Selector::parse(selector).ok();
        let earlier = earlier.filter(|earlier| earlier.terms == terms);
        let earlier = earlier.into_iter().flat_map(Self::pieces);
        let mut by_piece: HashMap<_, _> = earlier
            .map(|(pods, facts)| (Arc::as_ptr(pods), (pods, facts)))
            .collect();
        let known: Vec<_> = pods
            .pieces()
            .iter()
            .map(|piece| by_piece.remove(&Arc::as_ptr(piece)))
            .collect();
        // What is left are pieces that are no more: one or two, after an event. Most of their pods are in new ones.
        let by_pod: HashMap<_, _> = by_piece
            .into_values()
            .flat_map(|(pods, facts)| pods.iter().map(Arc::as_ptr).zip(facts.iter()))
            .collect();
        let look_up = |pod: &Arc<Pod>| match by_pod.get(&Arc::as_ptr(pod)) {
            Some(known) => PodFacts::clone(known),
            None => PodFacts::of(pod, &terms, selector.as_ref()),
        };
        let facts = pods
            .pieces()
            .iter()
            .zip(known)
            .map(|(piece, known)| match known {
                Some((_, facts)) => Arc::clone(facts),
                None => piece.iter().map(look_up).collect(),
            })
            .collect();
        Self {
            terms,
            pods: pods.clone(),
            facts,
        }
    }

    /// Of these pods: as they were found before, or looked up now.
    pub(crate) fn of_these(
        pods: &SharedList<Arc<Pod>>,
        options: Options,
        selector: &LabelSelector,
        found: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let of_these = found.filter(|found| found.are_of(pods, options, selector));
        of_these.map_or_else(
            || Arc::new(Self::of(pods, options, selector, None)),
            Arc::clone,
        )
    }

    fn are_of(
        &self,
        pods: &SharedList<Arc<Pod>>,
        options: Options,
        selector: &LabelSelector,
    ) -> bool {
        self.terms.options == options && self.terms.selector == *selector && self.pods.is_same(pods)
    }

    /// Each pod with its facts, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<Pod>, &PodFacts)> {
        self.pieces()
            .flat_map(|(pods, facts)| pods.iter().zip(facts.iter()))
    }

    fn pieces(&self) -> impl Iterator<Item = (&Arc<Vec<Arc<Pod>>>, &Arc<[PodFacts]>)> {
        self.pods.pieces().iter().zip(&self.facts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, state: &str) -> Arc<Pod> {
        let pod = json!({ "metadata": {
            "name": name, "uid": name,
            "labels": { "app": "web", "lifecycle.apps.kruise.io/state": state },
        } });
        Arc::new(serde_json::from_value(pod).unwrap())
    }

    fn selector(labels: &Value) -> LabelSelector {
        serde_json::from_value(json!({ "matchLabels": labels })).unwrap()
    }

    fn going(facts: &KnownPods) -> Vec<&str> {
        let going = facts.iter().filter(|(_, facts)| facts.preparing_delete);
        going.map(|(pod, _)| pod.metadata.name.as_str()).collect()
    }

    // A pod that came, one that went and one that changed, among others that stay.
    #[test]
    fn what_is_known_of_a_pod_stands_until_it_changes() {
        let selector = selector(&json!({ "app": "web" }));
        let pods: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| pod(name, "Normal"))
            .into();
        let of = |pods: &[Arc<Pod>], earlier| {
            let pods = pods.iter().cloned().collect();
            KnownPods::of(&pods, Options::default(), &selector, earlier)
        };
        let first = of(&pods, None);
        assert_eq!(going(&first), [""; 0]);
        let mut later = pods.clone();
        later[1] = pod("b", "PreparingDelete");
        later.remove(3);
        later.insert(3, pod("d2", "PreparingDelete"));
        later.push(pod("f", "PreparingDelete"));
        let second = of(&later, Some(&first));
        assert_eq!(going(&second), ["b", "d2", "f"]);
        assert_eq!(format!("{second:?}"), format!("{:?}", of(&later, None)));
        assert_eq!(going(&of(&pods, Some(&second))), [""; 0]);
    }

    // Pieces that an event does not touch keep what is known of their pods, and the others find it pod by pod.
    #[test]
    fn what_is_known_of_a_piece_stands_while_it_is_the_same() {
        let selector = selector(&json!({ "app": "web" }));
        let anew = |pods: &_| KnownPods::of(pods, Options::default(), &selector, None);
        let by_name = |a: &Arc<Pod>, b: &Arc<Pod>| a.metadata.name.cmp(&b.metadata.name);
        let name = |n: usize| format!("web-{n:03}");
        let mut pods: SharedList<_> = (0..300).map(|n| pod(&name(n), "Normal")).collect();
        let mut known = anew(&pods);
        for n in [0, 127, 128, 200, 299] {
            let before = known;
            pods.put(pod(&name(n), "PreparingDelete"), by_name);
            pods.put(pod(&format!("{}a", name(n)), "Normal"), by_name);
            pods.remove(&pod(&name(n / 2 + 1), "Normal"), by_name);
            known = KnownPods::of(&pods, Options::default(), &selector, Some(&before));
            assert_eq!(format!("{known:?}"), format!("{:?}", anew(&pods)));
            let kept = known.facts.iter().filter(|facts| {
                let mut earlier = before.facts.iter();
                earlier.any(|earlier| Arc::ptr_eq(earlier, facts))
            });
            assert!(kept.count() > 0);
        }
        assert_eq!(going(&known), [0, 127, 128, 200, 299].map(name));
    }

    #[test]
    fn another_selector_and_other_options_ask_again() {
        let pods = [pod("a", "Normal")].into_iter().collect();
        let web = selector(&json!({ "app": "web" }));
        let first = KnownPods::of(&pods, Options::default(), &web, None);
        let db = selector(&json!({ "app": "db" }));
        let second = KnownPods::of(&pods, Options::default(), &db, Some(&first));
        let is_selected = |facts: &KnownPods| facts.iter().all(|(_, facts)| facts.is_selected);
        assert!(is_selected(&first) && !is_selected(&second));
        assert!(!first.are_of(&pods, Options::default(), &db));
        let others = [pod("a", "Normal")].into_iter().collect();
        assert!(!first.are_of(&others, Options::default(), &web));
    }
}

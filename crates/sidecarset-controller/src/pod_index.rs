//! Two questions about pods, answered without a look at all of them: which pods list a SidecarSet, and which lack one that
//! they should have. The index follows the store of pods. For the second question a change of a pod is held against the
//! SidecarSets that demand one of its labels, and a new SidecarSet against the pods that have a label which it demands.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kruise_api::{object::Object, resource::ObjectKey, text::Text};
use kruise_runtime::Store;

use crate::{
    by_label::{ByLabel, Demand},
    lacking::LackingRule,
    sidecar_pod::SidecarPod,
};

/// The index. Clones share it.
#[derive(Clone, Default)]
pub struct PodIndex {
    tables: Arc<Mutex<Tables>>,
}

/// Pods by namespace and name.
type Keys = BTreeSet<Arc<ObjectKey>>;

#[derive(Default)]
struct Tables {
    listing: HashMap<String, Keys>,
    lacking: BTreeMap<String, Lacking>,
    /// Where the rules of those are.
    rules: ByLabel<()>,
    /// Pods by labels of the keys that rules are under, and by value.
    by_label: HashMap<String, HashMap<String, Keys>>,
}

struct Lacking {
    rule: LackingRule,
    pods: Keys,
}

impl PodIndex {
    /// Takes a change of a pod, given before and after it. To be called for each change in order.
    pub fn follow(&self, old: Option<&SidecarPod>, new: Option<&SidecarPod>) {
        let Some(pod) = new.or(old) else {
            return;
        };
        let key = Arc::new(ObjectKey::of(pod.meta()));
        let mut tables = self.lock();
        tables.follow_lists(&key, old, new);
        tables.follow_labels(&key, old, new);
        for name in tables.concerned(old, new) {
            if let Some(lacking) = tables.lacking.get_mut(&name) {
                if new.is_some_and(|new| lacking.rule.lacks(new)) {
                    lacking.pods.insert(Arc::clone(&key));
                } else {
                    lacking.pods.remove(&key);
                }
            }
        }
    }

    /// SidecarSets that a pod lacks since this change of it, or lacks no longer, in the order of their names.
    #[must_use]
    pub fn lacked_anew(&self, old: Option<&SidecarPod>, new: Option<&SidecarPod>) -> Vec<String> {
        let tables = self.lock();
        let is_news = |name: &String| {
            let lacks = |pod: Option<&SidecarPod>| {
                let rule = tables.lacking.get(name).map(|lacking| &lacking.rule);
                rule.is_some_and(|rule| pod.is_some_and(|pod| rule.lacks(pod)))
            };
            lacks(old) != lacks(new)
        };
        let concerned = tables.concerned(old, new).into_iter();
        concerned.filter(is_news).collect()
    }

    /// Pods that list this SidecarSet, by namespace and name.
    #[must_use]
    pub fn listing(&self, sidecar_set: &str) -> Vec<Arc<ObjectKey>> {
        let tables = self.lock();
        let pods = tables.listing.get(sidecar_set);
        pods.into_iter().flatten().cloned().collect()
    }

    /// Pods that lack this SidecarSet by this rule, by namespace and name.
    #[must_use]
    pub fn lacking(
        &self,
        sidecar_set: &str,
        rule: LackingRule,
        pods: &Store<SidecarPod>,
    ) -> Vec<Arc<ObjectKey>> {
        let mut tables = self.lock();
        if let Some(known) = tables.lacking.get(sidecar_set)
            && known.rule == rule
        {
            return known.pods.iter().cloned().collect();
        }
        // Whoever changes a pod meanwhile waits to tell of it, and then tells again what is found here.
        tables.forget(sidecar_set);
        let found = tables.add(sidecar_set, &rule, pods);
        let listed = found.iter().cloned().collect();
        let lacking = Lacking { rule, pods: found };
        tables.lacking.insert(sidecar_set.to_owned(), lacking);
        listed
    }

    /// Asks no more which pods lack this SidecarSet.
    pub fn forget(&self, sidecar_set: &str) {
        self.lock().forget(sidecar_set);
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn follow_lists(
        &mut self,
        key: &Arc<ObjectKey>,
        old: Option<&SidecarPod>,
        new: Option<&SidecarPod>,
    ) {
        for name in old.into_iter().flat_map(SidecarPod::sidecar_sets) {
            if new.is_some_and(|new| new.lists(name)) {
                continue;
            }
            if let Some(pods) = self.listing.get_mut(name) {
                pods.remove(key);
                if pods.is_empty() {
                    self.listing.remove(name);
                }
            }
        }
        for name in new.into_iter().flat_map(SidecarPod::sidecar_sets) {
            let pods = self.listing.entry(name.to_owned()).or_default();
            pods.insert(Arc::clone(key));
        }
    }

    fn follow_labels(
        &mut self,
        key: &Arc<ObjectKey>,
        old: Option<&SidecarPod>,
        new: Option<&SidecarPod>,
    ) {
        for (label, by_value) in &mut self.by_label {
            let (before, after) = (label_of(old, label), label_of(new, label));
            if let Some(value) = before.filter(|_| before != after)
                && let Some(pods) = by_value.get_mut(value)
            {
                pods.remove(key);
                if pods.is_empty() {
                    by_value.remove(value);
                }
            }
            if let Some(value) = after {
                let pods = by_value.entry(value.to_owned()).or_default();
                pods.insert(Arc::clone(key));
            }
        }
    }

    /// SidecarSets that a pod may lack, or may have lacked before.
    fn concerned(&self, old: Option<&SidecarPod>, new: Option<&SidecarPod>) -> BTreeSet<String> {
        let both = [old, new].into_iter().flatten();
        let candidates = both.flat_map(|pod| self.rules.candidates(&pod.metadata.labels));
        candidates.map(|(name, ())| name.to_owned()).collect()
    }

    /// Files a rule, and finds the pods that lack its SidecarSet now.
    fn add(&mut self, sidecar_set: &str, rule: &LackingRule, pods: &Store<SidecarPod>) -> Keys {
        self.rules.put(sidecar_set.to_owned(), rule.demands(), ());
        let Some(demand) = self.rules.place(sidecar_set) else {
            let all = pods.all();
            let lacking = all.iter().filter(|pod| rule.lacks(pod));
            return lacking
                .map(|pod| Arc::new(ObjectKey::of(pod.meta())))
                .collect();
        };
        let by_value = self.by_label.entry(demand.key.clone());
        let by_value = by_value.or_insert_with(|| by_value_of(&demand.key, pods));
        with_label(by_value, demand)
            .filter(|key| pods.get(key).is_some_and(|pod| rule.lacks(&pod)))
            .cloned()
            .collect()
    }

    fn forget(&mut self, sidecar_set: &str) {
        self.lacking.remove(sidecar_set);
        let key = self.rules.place(sidecar_set).map(|it| it.key.clone());
        self.rules.remove(sidecar_set);
        if let Some(key) = key
            && !self.rules.has_key(&key)
        {
            self.by_label.remove(&key);
        }
    }
}

/// All pods that have a label of this key, by its value.
fn by_value_of(key: &str, pods: &Store<SidecarPod>) -> HashMap<String, Keys> {
    let mut by_value: HashMap<String, Keys> = HashMap::new();
    for pod in pods.all() {
        if let Some(value) = label_of(Some(&pod), key) {
            let pods = by_value.entry(value.to_owned()).or_default();
            pods.insert(Arc::new(ObjectKey::of(pod.meta())));
        }
    }
    by_value
}

/// Those of them whose label is as demanded.
fn with_label<'a>(
    by_value: &'a HashMap<String, Keys>,
    demand: &'a Demand,
) -> impl Iterator<Item = &'a Arc<ObjectKey>> {
    let is_any = demand.values.contains(&None);
    let any = by_value.values().filter(move |_| is_any);
    let values = demand.values.iter().flatten();
    let exact = values.filter_map(|value| by_value.get(value));
    exact.chain(any).flatten()
}

fn label_of<'a>(pod: Option<&'a SidecarPod>, key: &str) -> Option<&'a str> {
    pod?.metadata.labels.get(key).map(Text::as_str)
}

#[cfg(test)]
mod tests {
    use kruise_api::resource::PODS;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, list: &str) -> SidecarPod {
        of_app(name, list, "web")
    }

    fn of_app(name: &str, list: &str, app: &str) -> SidecarPod {
        let pod = json!({ "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
            "creationTimestamp": "2026-01-10T08:00:00Z", "labels": { "app": app },
            "annotations": { "kruise.io/sidecarset-injected-list": list },
        } });
        serde_json::from_str(&pod.to_string()).unwrap()
    }

    fn key(name: &str) -> Arc<ObjectKey> {
        Arc::new(ObjectKey::new("shop", name))
    }

    fn labelled(name: &str, app: &str) -> SidecarPod {
        of_app(name, "", app)
    }

    #[test]
    fn pods_are_found_by_the_sets_that_they_list() {
        let index = PodIndex::default();
        index.follow(None, Some(&pod("a", "log,mesh")));
        index.follow(None, Some(&pod("b", "log")));
        assert_eq!(index.listing("log"), [key("a"), key("b")]);
        assert_eq!(index.listing("mesh"), [key("a")]);
        index.follow(Some(&pod("a", "log,mesh")), Some(&pod("a", "mesh")));
        index.follow(Some(&pod("b", "log")), None);
        assert_eq!(index.listing("log"), []);
        assert_eq!(index.listing("mesh"), [key("a")]);
    }

    #[test]
    fn who_lacks_a_set_is_followed_and_all_pods_are_looked_at_once() {
        let (index, pods) = (PodIndex::default(), Store::new(PODS));
        pods.apply(pod("a", ""));
        pods.apply(pod("b", "log"));
        let rule = || LackingRule::for_tests("log", &json!({ "app": "web" }));
        assert_eq!(index.lacking("log", rule(), &pods), [key("a")]);
        // The store says nothing of it, so it is not looked at again.
        let new = pod("c", "");
        index.follow(None, Some(&new));
        assert_eq!(index.lacked_anew(None, Some(&new)), ["log"]);
        assert!(index.lacked_anew(Some(&new), Some(&new)).is_empty());
        assert_eq!(index.lacking("log", rule(), &pods), [key("a"), key("c")]);
        let injected = pod("c", "log");
        index.follow(Some(&new), Some(&injected));
        assert_eq!(index.lacked_anew(Some(&new), Some(&injected)), ["log"]);
        assert_eq!(index.lacking("log", rule(), &pods), [key("a")]);
        let other = LackingRule::for_tests("log", &json!({ "app": "db" }));
        assert_eq!(index.lacking("log", other, &pods), []);
        index.forget("log");
        assert!(index.lacked_anew(None, Some(&new)).is_empty());
    }

    // SS-102: pods are found by the label that a SidecarSet demands, whatever becomes of it.
    #[test]
    fn pods_are_followed_by_the_labels_that_are_asked_for() {
        let (index, pods) = (PodIndex::default(), Store::new(PODS));
        let rule = |app: &str| LackingRule::for_tests(app, &json!({ "app": app }));
        pods.apply(labelled("a", "web"));
        assert_eq!(index.lacking("web", rule("web"), &pods), [key("a")]);
        // The store says nothing of it, so that the index has to.
        index.follow(Some(&labelled("a", "web")), Some(&labelled("a", "db")));
        index.follow(None, Some(&labelled("b", "db")));
        assert_eq!(index.lacking("web", rule("web"), &pods), []);
        pods.apply(labelled("b", "db"));
        assert_eq!(index.lacking("db", rule("db"), &pods), [key("b")]);
        assert_eq!(
            index.lacked_anew(Some(&labelled("b", "db")), Some(&labelled("b", "web"))),
            ["db", "web"]
        );
        index.follow(Some(&labelled("b", "db")), Some(&labelled("b", "web")));
        assert_eq!(index.lacking("db", rule("db"), &pods), []);
        assert_eq!(index.lacking("web", rule("web"), &pods), [key("b")]);
        for name in ["web", "db"] {
            index.forget(name);
        }
        assert!(index.lock().by_label.is_empty());
    }

    #[test]
    fn who_demands_no_label_is_held_against_all_pods() {
        let (index, pods) = (PodIndex::default(), Store::new(PODS));
        pods.apply(labelled("a", "web"));
        let mut view = crate::view::View::of(&serde_json::from_value(json!({
            "metadata": { "name": "rest", "uid": "u", "creationTimestamp": "2026-01-10T07:00:00Z" },
            "spec": { "selector": { "matchExpressions": [
                { "key": "app", "operator": "NotIn", "values": ["db"] }] } },
        })).unwrap());
        view.injects = true;
        let matching = crate::lacking::Matching::of(&view, |_| BTreeSet::new());
        let rule = LackingRule::new("rest", &view, matching, Arc::default(), vec![]).unwrap();
        assert_eq!(index.lacking("rest", rule.clone(), &pods), [key("a")]);
        index.follow(None, Some(&labelled("b", "db")));
        index.follow(None, Some(&labelled("c", "x")));
        assert_eq!(index.lacking("rest", rule, &pods), [key("a"), key("c")]);
    }
}

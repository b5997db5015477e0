//! Two questions about pods, answered without a look at all of them: which pods list a SidecarSet, and which lack one that
//! they should have. The index follows the store of pods; a SidecarSet's rule for the second question is looked through
//! all pods once, when it is new or has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kruise_api::{object::Object, resource::ObjectKey};
use kruise_runtime::Store;

use crate::{lacking::LackingRule, sidecar_pod::SidecarPod};

/// The index. Clones share it.
#[derive(Clone, Default)]
pub struct PodIndex {
    tables: Arc<Mutex<Tables>>,
}

#[derive(Default)]
struct Tables {
    listing: HashMap<String, BTreeSet<ObjectKey>>,
    /// In the order of names, in which SidecarSets are woken.
    lacking: BTreeMap<String, Lacking>,
}

struct Lacking {
    rule: LackingRule,
    pods: BTreeSet<ObjectKey>,
}

impl PodIndex {
    /// Takes a change of a pod, given before and after it. To be called for each change in order.
    pub fn follow(&self, old: Option<&SidecarPod>, new: Option<&SidecarPod>) {
        let Some(pod) = new.or(old) else {
            return;
        };
        let key = ObjectKey::of(pod.meta());
        let mut tables = self.lock();
        for name in old.into_iter().flat_map(SidecarPod::sidecar_sets) {
            if new.is_some_and(|new| new.lists(name)) {
                continue;
            }
            if let Some(pods) = tables.listing.get_mut(name) {
                pods.remove(&key);
                if pods.is_empty() {
                    tables.listing.remove(name);
                }
            }
        }
        for name in new.into_iter().flat_map(SidecarPod::sidecar_sets) {
            let pods = tables.listing.entry(name.to_owned()).or_default();
            pods.insert(key.clone());
        }
        for lacking in tables.lacking.values_mut() {
            if new.is_some_and(|new| lacking.rule.lacks(new)) {
                lacking.pods.insert(key.clone());
            } else {
                lacking.pods.remove(&key);
            }
        }
    }

    /// SidecarSets that a pod lacks since this change of it, or lacks no longer.
    #[must_use]
    pub fn lacked_anew(&self, old: Option<&SidecarPod>, new: Option<&SidecarPod>) -> Vec<String> {
        let tables = self.lock();
        let is_news = |lacking: &Lacking| {
            let lacks = |pod: Option<&SidecarPod>| pod.is_some_and(|pod| lacking.rule.lacks(pod));
            lacks(old) != lacks(new)
        };
        let lacking = tables.lacking.iter();
        let news = lacking.filter(|(_, lacking)| is_news(lacking));
        news.map(|(name, _)| name.clone()).collect()
    }

    /// Pods that list this SidecarSet, by namespace and name.
    #[must_use]
    pub fn listing(&self, sidecar_set: &str) -> Vec<ObjectKey> {
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
    ) -> Vec<ObjectKey> {
        let mut tables = self.lock();
        if let Some(known) = tables.lacking.get(sidecar_set)
            && known.rule == rule
        {
            return known.pods.iter().cloned().collect();
        }
        // Whoever changes a pod meanwhile waits to tell of it, and then tells again what is found here.
        let all = pods.all();
        let lacking = all.iter().filter(|pod| rule.lacks(pod));
        let found: BTreeSet<ObjectKey> = lacking.map(|pod| ObjectKey::of(pod.meta())).collect();
        let listed = found.iter().cloned().collect();
        let lacking = Lacking { rule, pods: found };
        tables.lacking.insert(sidecar_set.to_owned(), lacking);
        listed
    }

    /// Asks no more which pods lack this SidecarSet.
    pub fn forget(&self, sidecar_set: &str) {
        self.lock().lacking.remove(sidecar_set);
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kruise_api::resource::PODS;
    use serde_json::json;

    use super::*;

    fn pod(name: &str, list: &str) -> SidecarPod {
        let pod = json!({ "metadata": {
            "name": name, "namespace": "shop", "uid": name, "resourceVersion": "1",
            "creationTimestamp": "2026-01-10T08:00:00Z", "labels": { "app": "web" },
            "annotations": { "kruise.io/sidecarset-injected-list": list },
        } });
        serde_json::from_str(&pod.to_string()).unwrap()
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("shop", name)
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
}

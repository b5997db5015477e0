//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kruise_api::{
    apps::v1beta1::CloneSet,
    inplace::{Options, has_resize_subresource},
    meta::ObjectMeta,
    pod::Pod,
    read::PodUnavailableBudget,
    resource::ObjectKey,
    revision,
    shared_list::SharedList,
};
use kruise_plan::workload::TemplateForms;
use kruise_runtime::{Clock, ServerVersion, Store, StoreView, Stores};

use crate::{
    gates::Gates,
    known_pods::KnownPods,
    memory::Memory,
    snapshot::{
        Claim, ControllerRevision, ImagePullJob, Snapshot, StoredSet, instance_id, pod_name,
    },
};

/// The indexes that snapshots are made from.
pub struct Observer {
    /// CloneSets.
    pub sets: Store<StoredSet>,
    /// Their pods.
    pub pods: Store<Pod>,
    /// Revisions, of others too.
    pub revisions: Store<ControllerRevision>,
    /// Jobs that pull images; only with the gate for that.
    pub image_pull_jobs: Option<Store<ImagePullJob>>,
    /// Volume claims.
    pub claims: Store<Claim>,
    /// Budgets; only with gate `PodUnavailableBudgetUpdateGate`.
    pub budgets: Option<Store<PodUnavailableBudget>>,
    /// Feature gates.
    pub gates: Gates,
    /// Version of the API server.
    pub server_version: ServerVersion,
    /// The wall clock.
    pub clock: Clock,
}

impl Observer {
    /// The CloneSet of this name.
    #[must_use]
    pub fn set(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        self.sets.get(key)?.object().map(Arc::new)
    }

    /// The indexes, for upkeep.
    pub(crate) fn stores(&self) -> Stores<'_> {
        let budgets = self.budgets.as_ref().map(|store| store as &dyn StoreView);
        let jobs = self.image_pull_jobs.as_ref();
        let jobs = jobs.map(|store| store as &dyn StoreView);
        let mut all: Vec<&dyn StoreView> =
            vec![&self.sets, &self.pods, &self.revisions, &self.claims];
        all.extend(jobs.into_iter().chain(budgets));
        Stores {
            all,
            pods: Some(&self.pods),
            budgets,
        }
    }

    /// All that is to be known of a CloneSet now, but labels of nodes.
    #[must_use]
    pub fn snapshot(
        &self,
        set: Arc<CloneSet>,
        mut memory: Memory,
        pod_readiness_controller_live: bool,
    ) -> Snapshot {
        let template = &set.spec.template;
        if !(memory.forms.as_ref()).is_some_and(|forms| forms.are_of(template)) {
            memory.forms = Some(Arc::new(TemplateForms::of(template)));
        }
        let pods = self.pods.shared_by_owner(&set.metadata.uid);
        let (options, selector) = (self.gates().in_place, &set.spec.selector);
        let facts = KnownPods::of(&pods, options, selector, memory.pods.as_deref());
        memory.pods = Some(Arc::new(facts));
        let claims = self.claims.by_owner(&set.metadata.uid);
        Snapshot {
            taken_names: self.taken_names(&set, &pods, &claims),
            pods,
            claims,
            revisions: self.revisions(&set.metadata),
            image_pull_jobs: self
                .image_pull_jobs
                .as_ref()
                .filter(|jobs| !jobs.kind_missing())
                .map(|jobs| jobs.by_owner(&set.metadata.uid)),
            budgets: self.budgets.as_ref().map_or_else(Vec::new, |budgets| {
                budgets.in_namespace(&set.metadata.namespace)
            }),
            set,
            nodes: BTreeMap::new(),
            now: self.clock.now(),
            index_version: self.pods.newest_version(),
            pod_readiness_controller_live,
            gates: self.gates(),
            memory,
        }
    }

    /// The CloneSet's, those that nobody manages, and those whose names are such as its own get (IP-131, IP-132).
    /// A namespace may have thousands of others.
    fn revisions(&self, set: &ObjectMeta) -> Vec<Arc<ControllerRevision>> {
        let mut listed = self.revisions.by_owner(&set.uid);
        listed.retain(|revision| revision.metadata.namespace == set.namespace);
        listed.extend(self.revisions.without_owner(&set.namespace));
        let prefix = revision::name(&set.name, "");
        let mut named = self.revisions.named(&set.namespace, &prefix);
        named.retain(|revision| {
            let manager = revision.metadata.controller();
            manager.is_some_and(|manager| manager.uid != set.uid)
        });
        listed.extend(named);
        listed
    }

    /// Only of claims without a pod, which are few.
    fn taken_names(
        &self,
        set: &CloneSet,
        pods: &SharedList<Arc<Pod>>,
        claims: &[Arc<Claim>],
    ) -> BTreeSet<String> {
        if claims.is_empty() {
            return BTreeSet::new();
        }
        let of_pods: BTreeSet<&str> = pods.iter().map(|pod| instance_id(&pod.metadata)).collect();
        claims
            .iter()
            .map(|claim| instance_id(&claim.metadata))
            .filter(|id| !of_pods.contains(id))
            .map(|id| pod_name(&set.metadata, id))
            .filter(|name| {
                let key = ObjectKey::new(set.metadata.namespace.clone(), name.clone());
                self.pods.get(&key).is_some()
            })
            .collect()
    }

    fn gates(&self) -> Gates {
        let in_place = Options {
            resize_subresource: has_resize_subresource(self.server_version.get()),
            ..self.gates.in_place
        };
        Gates {
            in_place,
            ..self.gates
        }
    }
}

#[cfg(test)]
mod tests {
    use kruise_api::resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS};
    use serde_json::{Value, json};

    use super::*;
    use kruise_api::apps::v1beta1::CLONESETS;

    fn observer() -> Observer {
        Observer {
            sets: Store::new(CLONESETS),
            pods: Store::new(PODS),
            revisions: Store::new(CONTROLLER_REVISIONS),
            image_pull_jobs: None,
            claims: Store::new(PERSISTENT_VOLUME_CLAIMS),
            budgets: None,
            gates: Gates::default(),
            server_version: ServerVersion::default(),
            clock: Clock::system(),
        }
    }

    fn set(image: &str, version: &str) -> Value {
        json!({
            "metadata": { "name": "web", "namespace": "ns", "uid": "s", "resourceVersion": version },
            "spec": {
                "selector": { "matchLabels": { "app": "web" } },
                "template": { "spec": { "containers": [{ "name": "app", "image": image }] } },
            },
        })
    }

    fn put(observer: &Observer, set: Value) {
        observer.sets.apply(serde_json::from_value(set).unwrap());
    }

    fn look(observer: &Observer, memory: &Memory) -> Snapshot {
        let set = observer.set(&ObjectKey::new("ns", "web")).unwrap();
        observer.snapshot(set, memory.clone(), false)
    }

    fn revision(namespace: &str, name: &str, owner: Option<(&str, &str)>) -> ControllerRevision {
        let owners: Vec<Value> = owner
            .map(|(kind, uid)| {
                json!({
                    "apiVersion": "apps.kruise.io/v1beta1", "kind": kind, "name": "o", "uid": uid,
                    "controller": true,
                })
            })
            .into_iter()
            .collect();
        let metadata = json!({
            "name": name, "namespace": namespace, "uid": format!("{namespace}/{name}"),
            "resourceVersion": "1", "ownerReferences": owners,
        });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    // IP-131, IP-132: what may be the CloneSet's, and what has a name that one of its own may get.
    #[test]
    fn of_revisions_only_those_are_looked_at_that_matter() {
        let observer = observer();
        put(&observer, set("a", "1"));
        for revision in [
            revision("ns", "web-ours", Some(("CloneSet", "s"))),
            revision("ns", "old-ours", Some(("CloneSet", "s"))),
            revision("ns", "web-nobodys", None),
            revision("ns", "nobodys", None),
            revision("ns", "web-theirs", Some(("StatefulSet", "t"))),
            revision("ns", "theirs", Some(("StatefulSet", "t"))),
            revision("elsewhere", "web-nobodys", None),
            revision("elsewhere", "web-theirs", Some(("StatefulSet", "t"))),
        ] {
            observer.revisions.apply(revision);
        }
        let snapshot = look(&observer, &Memory::default());
        let mut names: Vec<_> = snapshot
            .revisions
            .iter()
            .map(|it| it.metadata.name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "nobodys",
                "old-ours",
                "web-nobodys",
                "web-ours",
                "web-theirs"
            ]
        );
    }

    #[test]
    fn what_was_worked_out_stands_until_the_template_changes() {
        let observer = observer();
        let forms = |snapshot: &Snapshot| snapshot.memory.forms.clone().unwrap();
        put(&observer, set("a", "1"));
        let first = look(&observer, &Memory::default());
        let mut resized = set("a", "2");
        resized["spec"]["replicas"] = json!(7);
        put(&observer, resized);
        let second = look(&observer, &first.memory);
        assert!(Arc::ptr_eq(&forms(&first), &forms(&second)));
        put(&observer, set("b", "3"));
        let third = look(&observer, &second.memory);
        assert!(!Arc::ptr_eq(&forms(&second), &forms(&third)));
    }
}

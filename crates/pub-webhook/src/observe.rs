//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{collections::HashSet, sync::Arc};

use kruise_api::{meta::ObjectMeta, resource::ObjectKey};
use kruise_runtime::{Clock, Store, StoreView, Stores};
use kruise_workload::{Claim, Finder, IndexedKind, PodIndex, Target};

use crate::{budget::Budget, error::PubError, pod::BudgetPod, snapshot::Snapshot};

/// What snapshots are made from.
pub struct Observer {
    /// Budgets.
    pub budgets: Store<Budget>,
    /// Pods of all namespaces.
    pub pods: Store<BudgetPod>,
    /// Finds workloads and their pods.
    pub finder: Finder,
    /// Gate `InPlaceWorkloadVerticalScaling`.
    pub vertical_scaling: bool,
    /// The wall clock.
    pub clock: Clock,
}

impl Observer {
    /// The budget of this name, unless it is being deleted.
    #[must_use]
    pub fn budget(&self, key: &ObjectKey) -> Option<Arc<Budget>> {
        let budget = self.budgets.get(key)?;
        (!budget.metadata().is_terminating()).then_some(budget)
    }

    /// The indexes in which own writes are looked for. Statuses are none of these: their newest copies are kept (PB-46).
    pub(crate) fn stores(&self) -> Stores<'_> {
        let all: Vec<&dyn StoreView> = vec![&self.pods];
        Stores {
            all,
            pods: Some(&self.pods),
            budgets: Some(&self.budgets),
        }
    }

    /// All that is to be known of a budget now (PB-20).
    ///
    /// # Errors
    /// When a workload can't be searched for.
    pub async fn snapshot(&self, budget: Arc<Budget>) -> Result<Snapshot, PubError> {
        let spec = &budget.spec;
        let claim = Claim {
            target_ref: spec.target_ref.as_ref().map(Target::from),
            selector: spec.selector.as_ref(),
            protect_total_replicas: spec.protect_total_replicas,
        };
        let namespace = &budget.metadata().namespace;
        let active = ActivePods(&self.pods);
        let covered = self.finder.covered(namespace, claim, &active).await;
        let covered = covered.map_err(PubError::Find)?;
        Ok(Snapshot {
            n_unwatched: n_unwatched(&budget, &covered.pods),
            pods: covered.pods,
            expected: covered.expected,
            budget,
            now: self.clock.now(),
            vertical_scaling: self.vertical_scaling,
            ..Snapshot::default()
        })
    }

    /// The same pods as they are now. To look up workloads, to link pods and to wait for a turn takes time, in which pods
    /// change, end and come, and are paid for in the newest copy of the budget. One that has come is counted by the next
    /// pass, and till then as one that does not serve.
    #[must_use]
    pub fn again(&self, snapshot: &Snapshot, newest: &Budget) -> Snapshot {
        let pods = snapshot.pods.iter();
        let pods = pods.filter_map(|pod| self.pods.by_uid(&pod.metadata.uid));
        let pods: Vec<Arc<BudgetPod>> = pods.filter(|pod| pod.is_active).collect();
        let known: HashSet<&str> = pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
        let status = &newest.asked.status;
        let recorded = status
            .disrupted_pods
            .keys()
            .chain(status.unavailable_pods.keys());
        let others = recorded.filter(|name| !known.contains(name.as_str()));
        let others = others.filter_map(|name| {
            let pod = self.pods.get(&key_of(newest, name))?;
            Some((name.clone(), pod.is_active))
        });
        let (elsewhere, ended): (Vec<_>, Vec<_>) = others.partition(|(_, is_active)| *is_active);
        let names = |pods: Vec<(String, bool)>| pods.into_iter().map(|(name, _)| name).collect();
        Snapshot {
            elsewhere: names(elsewhere),
            ended: names(ended),
            pods,
            now: self.clock.now(),
            ..snapshot.clone()
        }
    }
}

/// A pod of the budget's namespace.
pub(crate) fn key_of(budget: &Budget, pod: &str) -> ObjectKey {
    ObjectKey::new(budget.metadata().namespace.clone(), pod)
}

/// How many workloads of the budget are of kinds that nobody watches.
fn n_unwatched(budget: &Budget, pods: &[Arc<BudgetPod>]) -> usize {
    if let Some(target) = &budget.spec.target_ref {
        let is_watched = IndexedKind::of(Target::from(target).group(), &target.kind).is_some();
        return usize::from(!is_watched);
    }
    if budget.spec.protect_total_replicas.is_some() {
        return 0;
    }
    let owners = pods.iter().filter_map(|pod| pod.metadata.controller());
    let unwatched = owners.filter(|owner| {
        let group = owner.api_version.rsplit_once('/');
        let group = group.map(|(group, _)| group).unwrap_or_default();
        IndexedKind::of(group, &owner.kind).is_none()
    });
    let uids: HashSet<&str> = unwatched.map(|owner| owner.uid.as_str()).collect();
    uids.len()
}

/// The active pods of the index (PB-20).
struct ActivePods<'a>(&'a Store<BudgetPod>);

impl PodIndex for ActivePods<'_> {
    type Pod = Arc<BudgetPod>;

    fn owned_by(&self, namespace: &str, uid: &str) -> Vec<Arc<BudgetPod>> {
        let mut pods = self.0.by_owner(uid);
        pods.retain(|pod| pod.is_active && pod.metadata.namespace == namespace);
        pods
    }

    fn in_namespace(&self, namespace: &str) -> Vec<Arc<BudgetPod>> {
        let mut pods = self.0.in_namespace(namespace);
        pods.retain(|pod| pod.is_active);
        pods
    }

    fn meta(pod: &Arc<BudgetPod>) -> &ObjectMeta {
        &pod.metadata
    }
}

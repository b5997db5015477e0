//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::sync::Arc;

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
        let now = self.clock.now();
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
            asks_again: is_unwatched(&budget, &covered.pods),
            pods: covered.pods,
            expected: covered.expected,
            budget,
            now,
            vertical_scaling: self.vertical_scaling,
        })
    }
}

/// Whether a workload of the budget is of a kind that nobody watches.
fn is_unwatched(budget: &Budget, pods: &[Arc<BudgetPod>]) -> bool {
    if let Some(target) = &budget.spec.target_ref {
        return IndexedKind::of(Target::from(target).group(), &target.kind).is_none();
    }
    let mut owners = pods.iter().filter_map(|pod| pod.metadata.controller());
    budget.spec.protect_total_replicas.is_none()
        && owners.any(|owner| {
            let group = owner.api_version.rsplit_once('/');
            let group = group.map(|(group, _)| group).unwrap_or_default();
            IndexedKind::of(group, &owner.kind).is_none()
        })
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

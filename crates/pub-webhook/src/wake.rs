//! What wakes which budget (PB-51).

use std::time::Duration;

use kruise_api::{
    meta::ObjectMeta, policy::v1beta1::TargetReference, resource::ObjectKey, selector::Selector,
    text_map::TextMap,
};
use kruise_runtime::Store;
use kruise_workload::{IndexedKind, IndexedReplicaSet, IndexedWorkload, Target};

use crate::{budget::Budget, pod::BudgetPod};

/// How long after a pod begins to end its budget is looked at.
pub const TERMINATING_AFTER: Duration = Duration::from_secs(5);

/// Who is woken by a change of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Woken {
    /// At once.
    pub now: Vec<ObjectKey>,
    /// After [`TERMINATING_AFTER`].
    pub later: Vec<ObjectKey>,
}

/// Who is woken by a change of a pod.
#[must_use]
pub fn by_pod(
    budgets: &Store<Budget>,
    vertical_scaling: bool,
    old: Option<&BudgetPod>,
    new: Option<&BudgetPod>,
) -> Woken {
    let is_in_service = |pod: &BudgetPod| pod.is_in_service(vertical_scaling);
    let is_terminating = |pod: &BudgetPod| pod.metadata.is_terminating();
    let Some(new) = new else {
        // One that was not seen to end was counted until now, and nobody else may wake its budget (DV-PB10).
        let counted = old.filter(|old| is_in_service(old) && !is_terminating(old));
        let now = counted.map(|old| linked(budgets, old));
        return Woken {
            now: now.unwrap_or_default(),
            ..Woken::default()
        };
    };
    // Of two pods of one name that is the other's end, and this one's beginning.
    let old = old.filter(|old| old.metadata.uid == new.metadata.uid);
    match old {
        Some(old) if is_terminating(old) => Woken::default(),
        Some(_) if is_terminating(new) => Woken {
            later: linked(budgets, new),
            ..Woken::default()
        },
        Some(old) if is_in_service(old) == is_in_service(new) => Woken::default(),
        _ => Woken {
            now: match new.has_link() {
                true => linked(budgets, new),
                // The webhook was not asked, or did not know the workload yet (DV-PB10).
                false => lacked(budgets, new),
            },
            ..Woken::default()
        },
    }
}

/// The budget that the pod is linked to, if it exists.
fn linked(budgets: &Store<Budget>, pod: &BudgetPod) -> Vec<ObjectKey> {
    let name = pod.budget();
    let key = name.map(|name| ObjectKey::new(pod.metadata.namespace.clone(), name));
    key.filter(|key| budgets.get(key).is_some())
        .into_iter()
        .collect()
}

/// The budgets that may find that a pod is theirs.
fn lacked(budgets: &Store<Budget>, pod: &BudgetPod) -> Vec<ObjectKey> {
    let budgets = budgets.in_namespace(&pod.metadata.namespace);
    let budgets = budgets
        .iter()
        .filter(|budget| match &budget.spec.target_ref {
            Some(target) => may_be_of(&pod.metadata, target),
            None => selects(budget, &pod.metadata.labels),
        });
    budgets
        .map(|budget| ObjectKey::of(budget.metadata()))
        .collect()
}

/// Whether a pod may be one of the workload's, by names alone. Of a kind that isn't known any pod may be.
fn may_be_of(pod: &ObjectMeta, target: &TargetReference) -> bool {
    let Some(kind) = IndexedKind::of(Target::from(target).group(), &target.kind) else {
        return true;
    };
    let mut owners = pod.owner_references.iter();
    owners.any(|owner| {
        let is_target = owner.kind == target.kind && owner.name == target.name;
        let may_be_between = kind == IndexedKind::Deployment && owner.kind == "ReplicaSet";
        is_target || may_be_between && owner.name.starts_with(&target.name)
    })
}

/// Who is woken by a change of a workload of this kind: the first by name that is about it.
#[must_use]
pub fn by_workload(
    budgets: &Store<Budget>,
    kind: IndexedKind,
    old: Option<&IndexedWorkload>,
    new: Option<&IndexedWorkload>,
) -> Vec<ObjectKey> {
    let state =
        |workload: &IndexedWorkload| (workload.replicas(), workload.metadata.is_terminating());
    if old.map(state) == new.map(state) {
        return vec![];
    }
    let Some(workload) = new.or(old) else {
        return vec![];
    };
    first(budgets, kind, &workload.metadata, &workload.template_labels)
}

/// The same for ReplicaSets, which only a `targetRef` names.
#[must_use]
pub fn by_replica_set(
    budgets: &Store<Budget>,
    old: Option<&IndexedReplicaSet>,
    new: Option<&IndexedReplicaSet>,
) -> Vec<ObjectKey> {
    let state = |replica_set: &IndexedReplicaSet| {
        let metadata = &replica_set.metadata;
        (replica_set.replicas(), metadata.is_terminating())
    };
    if old.map(state) == new.map(state) {
        return vec![];
    }
    let Some(replica_set) = new.or(old) else {
        return vec![];
    };
    let labels = TextMap::default();
    first(
        budgets,
        IndexedKind::ReplicaSet,
        &replica_set.metadata,
        &labels,
    )
}

fn first(
    budgets: &Store<Budget>,
    kind: IndexedKind,
    workload: &ObjectMeta,
    template_labels: &TextMap,
) -> Vec<ObjectKey> {
    let resource = kind.resource();
    let budgets = budgets.in_namespace(&workload.namespace);
    let first = budgets.iter().find(|budget| match &budget.spec.target_ref {
        Some(target) => {
            Target::from(target).group() == resource.group
                && target.kind == resource.kind
                && target.name == workload.name
        }
        None => selects(budget, template_labels),
    });
    let first = first.map(|budget| ObjectKey::of(budget.metadata()));
    first.into_iter().collect()
}

/// Whether the budget's selector is one, is not empty, and selects these labels.
fn selects(budget: &Budget, labels: &TextMap) -> bool {
    let selector = budget.spec.selector.as_ref().map(Selector::parse);
    matches!(selector, Some(Ok(selector)) if !selector.is_empty() && selector.matches(labels))
}
